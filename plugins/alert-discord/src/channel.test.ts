import { alertChannelContract, createHttpRemote, startPlugin, toSample } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const path = '/services/T000/B000/XXXXXXXXXXXXXXXXXXXXXXXX'

alertChannelContract({
  plugin,
  manifest,
  channel: 'discord',
  badConfigs: [
    { url: 'not an address' },
    { url: 'http://10.0.0.1/' },
    { title: '{{ unfinished' },
    { text: '{% no %}' },
  ],
  remote: {
    open: () => createHttpRemote(),
    config: ({ url }) => ({ url: url + path }),
  },
  secrets: [path],
  busyMs: 7000,
})

test('shows what a device sent as text, never as markup, and leads to the alert', async () => {
  const remote = await createHttpRemote()
  const host = await startPlugin(plugin, {
    manifest,
    config: { url: remote.url + path },
    privateTargets: ['127.0.0.1'],
  })
  const { signal } = new AbortController()
  await host.alertChannels.get('discord')?.deliver(toSample('n-1'), { attempt: 1, signal })
  const body = JSON.parse(remote.received[0]?.body ?? '')
  await host.stop()
  await remote.close()
  const [embed] = body.embeds
  expect(body.allowed_mentions).toEqual({ parse: [] })
  expect(embed.title).toContain(String.raw`\<!channel\> \*Boiler\* "1" {{ x }}`)
  expect(embed.description).toContain('temperature')
  expect(embed.url).toBe('http://localhost:8080/alerts/alert-1')
})
