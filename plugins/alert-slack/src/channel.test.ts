import { alertChannelContract, createHttpRemote, startPlugin, toSample } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const path = '/services/T000/B000/XXXXXXXXXXXXXXXXXXXXXXXX'

alertChannelContract({
  plugin,
  manifest,
  channel: 'slack',
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
  await host.alertChannels.get('slack')?.deliver(toSample('n-1'), { attempt: 1, signal })
  const body = JSON.parse(remote.received[0]?.body ?? '')
  await host.stop()
  await remote.close()
  const [header, section, actions] = body.blocks
  expect(header.text).toEqual({
    type: 'plain_text',
    text: 'CRITICAL: Too hot (<!channel> *Boiler* "1" {{ x }} (boiler-1))',
    emoji: false,
  })
  expect(section.text.type).toBe('plain_text')
  expect(section.text.text).toContain('Value: {"temperature":91.5}')
  expect(actions.elements[0].url).toBe('http://localhost:8080/alerts/alert-1')
  // The line of the push message is mrkdwn: no mention may be in it.
  expect(body.text).not.toContain('<')
})
