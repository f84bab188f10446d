import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { openOutage, type SourceRemote } from '@patchbay/testkit'
import { Admin, compatibilityPartitioner, Producer, stringSerializers } from '@platformatic/kafka'

/** Brokers that were started for the tests, with commas between them. */
export const kafkaBrokers = process.env['KAFKA_BROKERS']
/** A broker names its own address, so that only a server that may be killed can go away. */
export const canGoAway = process.env['PATCHBAY_TEST_SERVERS'] !== undefined

export interface KafkaRemote extends SourceRemote {
  readonly topic: string
  readonly group: string
}

const partitions = 3

/** A topic and a group of the test's own; others after each wipe. */
export async function openKafkaRemote(more: Record<string, unknown> = {}): Promise<KafkaRemote> {
  const bootstrapBrokers = (kafkaBrokers ?? '').split(',')
  const client = { clientId: 'patchbay-test', bootstrapBrokers, retries: 50, retryDelay: 200 }
  const admin = new Admin(client)
  const producer = new Producer({
    ...client,
    idempotent: true,
    partitioner: compatibilityPartitioner,
    serializers: stringSerializers,
  })
  const outage = await openOutage('kafka', `tcp://${bootstrapBrokers[0]}`)
  const made: string[] = []
  let topic = ''
  let group = ''
  const wipe = async (): Promise<void> => {
    topic = `patchbay-source-${randomBytes(6).toString('hex')}`
    group = `${topic}-group`
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
    made.push(topic)
  }
  await wipe()
  const indexes = Array.from({ length: partitions }, (_, partitionIndex) => partitionIndex)

  return {
    get topic() {
      return topic
    },
    get group() {
      return group
    },
    config: () => ({ brokers: bootstrapBrokers, topics: [topic], group, ...more }),
    async send(messages) {
      for (let from = 0; from < messages.length; from += 1000)
        await producer.send({
          messages: messages
            .slice(from, from + 1000)
            .map(({ device, body }) => ({ topic, key: device, value: body, timestamp: BigInt(Date.now()) })),
        })
    },
    async waiting() {
      const [ends] = await admin.listOffsets({
        topics: [{ name: topic, partitions: indexes.map((partitionIndex) => ({ partitionIndex, timestamp: -1n })) }],
      })
      const [of] = await admin.listConsumerGroupOffsets({
        groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: indexes }] }],
      })
      const read = new Map(
        of?.topics[0]?.partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]),
      )
      return (ends?.partitions ?? []).reduce((sum, { partitionIndex, offset }) => {
        const committed = read.get(partitionIndex) ?? 0n
        return sum + Number(offset - (committed < 0n ? 0n : committed))
      }, 0)
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
      await producer.close(true)
      await admin.close()
      await outage.close()
    },
  }
}
