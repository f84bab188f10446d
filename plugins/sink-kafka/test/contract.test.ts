import type { Sink } from '@patchbay/sdk'
import { sinkContract, startPlugin, toRecords } from '@patchbay/testkit'
import { describe, expect, test } from 'vitest'
import plugin from '../src/index.ts'
import { canGoAway, kafkaBrokers, openKafkaTarget } from './kafka-target.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const skipped = kafkaBrokers === undefined ? ', skipped, no KAFKA_BROKERS' : ''

describe.skipIf(kafkaBrokers === undefined)(`Kafka${skipped}`, () => {
  sinkContract({
    plugin,
    manifest,
    sink: 'kafka',
    target: () => openKafkaTarget(),
    badConfigs: [
      { brokers: [] },
      { brokers: ['kafka'] },
      { brokers: ['kafka:9092', '169.254.169.254:9092'] },
      { topic: 'a b' },
      { topic: '{key}' },
      { key: '{topic}' },
      { compression: 'rar' },
    ],
    wrong: [{ config: { brokers: ['127.0.0.1:1'] }, says: /ECONNREFUSED|127\.0\.0\.1:1/ }],
    idempotent: false,
    ordered: true,
    // More than a broker takes of one message.
    bad: (good) => ({ ...good, values: { ...good.values, text: 'x'.repeat(1_200_000) } }),
    outages: canGoAway,
  })

  test.for(['gzip', 'snappy', 'lz4', 'zstd'])('what is compressed by %s is read by others', async (compression) => {
    const target = await openKafkaTarget({ compression })
    const host = await startPlugin(plugin, { manifest, config: target.config() })
    const sink: Sink | undefined = host.sinks.get('kafka')
    const records = toRecords({ count: 200 })
    const options = { attempt: 1, signal: new AbortController().signal }
    expect(await sink?.write(records, options)).toEqual({ outcome: 'delivered' })
    const messages = await target.messages()
    expect(messages).toHaveLength(200)
    expect(messages[1]).toEqual({
      key: 'device-1',
      value: '{"device":"device-1","at":"2025-11-24T16:00:00.001001Z","values":{"n":1}}',
      headers: { 'content-type': 'application/json', id: 'w:2', type: 'meter' },
      timestamp: 1_764_000_000_001n,
    })
    await host.stop()
    await target.close()
  })
})
