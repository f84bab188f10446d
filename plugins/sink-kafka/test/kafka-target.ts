import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { openOutage, type SinkTarget, type TargetPoint, toMicros, toPoints } from '@patchbay/testkit'
import { Admin, Consumer, stringDeserializers } from '@platformatic/kafka'

/** Brokers that were started for the tests, with commas between them. */
export const kafkaBrokers = process.env['KAFKA_BROKERS']
/** A broker names its own address, so that only a server that may be killed can go away. */
export const canGoAway = process.env['PATCHBAY_TEST_SERVERS'] !== undefined

export interface KafkaTarget extends SinkTarget {
  /** The messages of the present topic, in order. */
  messages(): Promise<{ key: string; value: string; headers: Record<string, string>; timestamp: bigint }[]>
}

/** A topic of the test's own, with one partition; another one after each wipe. */
export async function openKafkaTarget(more: Record<string, unknown> = {}): Promise<KafkaTarget> {
  const bootstrapBrokers = (kafkaBrokers ?? '').split(',')
  const client = { clientId: 'patchbay-test', bootstrapBrokers, retries: 20, retryDelay: 200 }
  const admin = new Admin(client)
  const outage = await openOutage('kafka', `tcp://${bootstrapBrokers[0]}`)
  const made: string[] = []
  let topic = ''
  const wipe = async (): Promise<void> => {
    topic = `patchbay-sink-${randomBytes(6).toString('hex')}`
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
    made.push(topic)
  }
  await wipe()

  const messages: KafkaTarget['messages'] = async () => {
    const ends = await admin.listOffsets({
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
    })
    const count = Number(ends[0]?.partitions[0]?.offset ?? 0n)
    const found: Awaited<ReturnType<KafkaTarget['messages']>> = []
    if (count === 0) return found
    const consumer = new Consumer({
      ...client,
      groupId: `${topic}-${randomBytes(4).toString('hex')}`,
      deserializers: stringDeserializers,
    })
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false, maxWaitTime: 100 })
    for await (const { key, value, headers, timestamp, offset } of stream) {
      found.push({ key, value, headers: Object.fromEntries(headers), timestamp })
      // Some offsets are the broker's own.
      if (Number(offset) >= count - 1) break
    }
    await consumer.close(true)
    return found
  }
  return {
    messages,
    config: () => ({ brokers: bootstrapBrokers, topic, ...more }),
    async rows(): Promise<TargetPoint[]> {
      return (await messages()).flatMap(({ value }) => {
        const { device, at, values } = JSON.parse(value)
        return toPoints([{ device, at: toMicros(at), values }])
      })
    },
    wipe,
    ...(canGoAway
      ? {
          stop: outage.stop,
          async start() {
            await outage.start()
            for (let tries = 0; tries < 100; tries++) {
              const ready = await admin.metadata({ topics: [topic], forceUpdate: true }).then(
                () => true,
                () => false,
              )
              if (ready) return
              await wait(100)
            }
          },
        }
      : {}),
    async close() {
      await admin.deleteTopics({ topics: made })
      await admin.close()
      await outage.close()
    },
  }
}
