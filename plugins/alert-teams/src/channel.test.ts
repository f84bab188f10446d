import { alertChannelContract, createHttpRemote, startPlugin, toSample } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const path = '/services/T000/B000/XXXXXXXXXXXXXXXXXXXXXXXX'

alertChannelContract({
  plugin,
  manifest,
  channel: 'teams',
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
  await host.alertChannels.get('teams')?.deliver(toSample('n-1'), { attempt: 1, signal })
  const body = JSON.parse(remote.received[0]?.body ?? '')
  await host.stop()
  await remote.close()
  const { content, contentType } = body.attachments[0]
  expect([body.type, contentType, content.type]).toEqual([
    'message',
    'application/vnd.microsoft.card.adaptive',
    'AdaptiveCard',
  ])
  // A TextBlock would read Markdown.
  expect(content.body.map((block: { type: string }) => block.type)).not.toContain('TextBlock')
  expect(content.body[0].inlines[0].text).toBe('CRITICAL: Too hot (<!channel> *Boiler* "1" {{ x }} (boiler-1))')
  expect(content.actions).toEqual([
    { type: 'Action.OpenUrl', title: 'Open the alert', url: 'http://localhost:8080/alerts/alert-1' },
  ])
})
