import { Refused } from '@patchbay/sdk'
import { alertChannelContract, startPlugin, toSample } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const { signal } = new AbortController()

alertChannelContract({
  plugin,
  manifest,
  channel: 'mqtt',
  config: { topic: 'alerts/{{ device.id }}' },
  badConfigs: [{ topic: '{{ unfinished' }, { topic: '' }, { payload: '{% no %}' }, { qos: '3' }],
})

test('publishes to the topic of the template, where a value is one level only', async () => {
  const host = await startPlugin(plugin, {
    manifest,
    config: { topic: 'alerts/{{ rule.id }}/{{ device.name }}', qos: '2', retain: true, payload: '"{{ device.name }}"' },
  })
  const sample = toSample('n-1')
  sample.device.name = 'a/+/#"'
  expect(await host.alertChannels.get('mqtt')?.deliver(sample, { attempt: 1, signal })).toEqual({
    outcome: 'delivered',
    reply: 'published to alerts/too-hot/a____"',
  })
  const how = { qos: 2, retain: true, idempotencyKey: 'n-1' }
  expect(host.messages.published).toEqual([{ topic: 'alerts/too-hot/a____"', text: '"a/+/#\\""', how }])
  await host.stop()
})

test('a topic that the platform refuses is not tried again; a store that is away is', async () => {
  const host = await startPlugin(plugin, { manifest })
  const deliver = () => host.alertChannels.get('mqtt')?.deliver(toSample('n-1'), { attempt: 1, signal })
  host.messages.refuseWith(new Refused('forbidden', 'TOPIC_FORBIDDEN', 'built-in', 'No plugin may publish there.'))
  expect(await deliver()).toEqual({ outcome: 'refused', reply: 'No plugin may publish there.' })
  host.messages.refuseWith(new Refused('unavailable', 'STORE_UNAVAILABLE', 'store', 'The store is away.'))
  expect(await deliver()).toEqual({ outcome: 'retry', reply: 'The store is away.' })
  await host.stop()
})

test('its test really publishes', async () => {
  const host = await startPlugin(plugin, { manifest })
  expect(await host.verify({ topic: 'alerts/x' })).toEqual({ ok: true, reply: 'published to alerts/x' })
  expect(host.messages.published).toHaveLength(1)
  await host.stop()
})
