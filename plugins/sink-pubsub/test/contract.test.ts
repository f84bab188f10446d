import { sinkContract, startPlugin, toRecords } from '@patchbay/testkit'
import { describe, expect, test } from 'vitest'
import plugin from '../src/index.ts'
import { openPubsubTarget, pubsubHost } from './pubsub-target.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const skipped = pubsubHost === undefined ? ', skipped, no PUBSUB_EMULATOR_HOST' : ''

describe.skipIf(pubsubHost === undefined)(`Pub/Sub${skipped}`, () => {
  sinkContract({
    plugin,
    manifest,
    sink: 'pubsub',
    target: () => openPubsubTarget(),
    badConfigs: [
      { project: 'No Project' },
      { topic: 'a/b' },
      { endpoint: 'ftp://pubsub' },
      { endpoint: 'http://169.254.169.254' },
      { orderingKey: '{key}' },
      { credentials: 'no JSON' },
      { credentials: '{"type":"authorized_user"}' },
    ],
    wrong: [
      { config: { endpoint: 'http://127.0.0.1:1' }, says: /ECONNREFUSED/ },
      { config: { topic: 'nobodys' }, says: /NOT_FOUND: .*nobodys/ },
    ],
    idempotent: false,
    ordered: true,
    front: {
      url: () => `http://${pubsubHost}`,
      config: ({ host, port }) => ({ endpoint: `http://${host}:${port}` }),
    },
  })

  test('a message says whose it is, under the device as its ordering key', async () => {
    const target = await openPubsubTarget()
    const host = await startPlugin(plugin, { manifest, config: target.config() })
    const options = { attempt: 1, signal: new AbortController().signal }
    await host.sinks.get('pubsub')?.write(toRecords({ count: 2 }), options)
    const [, second] = (await target.messages()).toSorted((a, b) => a.ordering_key.localeCompare(b.ordering_key))
    expect(second).toMatchObject({
      ordering_key: 'device-1',
      attributes: { 'content-type': 'application/json', device: 'device-1', id: 'w:2', type: 'meter' },
    })
    expect(second?.data.toString()).toBe('{"device":"device-1","at":"2025-11-24T16:00:00.001001Z","values":{"n":1}}')
    await host.stop()
    await target.close()
  })
})
