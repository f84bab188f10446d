import { sourceContract } from '@patchbay/testkit'
import { describe } from 'vitest'
import plugin from '../src/index.ts'
import { canGoAway, kafkaBrokers, openKafkaRemote } from './kafka-remote.ts'

const skipped = kafkaBrokers === undefined ? ', skipped, no KAFKA_BROKERS' : ''

describe.skipIf(kafkaBrokers === undefined)(`Kafka${skipped}`, () => {
  sourceContract({
    plugin,
    manifest: new URL('../plugin.json', import.meta.url),
    remote: () => openKafkaRemote(),
    badConfigs: [
      { brokers: [] },
      { brokers: ['kafka'] },
      { brokers: ['169.254.169.254:9092'] },
      { topics: [] },
      { topics: ['a b'] },
      { device: '{serial}' },
      { time: 'at' },
    ],
    wrong: [
      { config: { brokers: ['127.0.0.1:1'] }, says: /ECONNREFUSED|127\.0\.0\.1:1/ },
      { config: { topics: ['no-such-topic'] }, says: /UNKNOWN_TOPIC_OR_PARTITION|no-such-topic/ },
    ],
    creates: { createDevices: { type: 'meter', tags: '' } },
    maxInFlight: 2000,
    ordered: true,
    retakes: true,
    outages: canGoAway,
  })
})
