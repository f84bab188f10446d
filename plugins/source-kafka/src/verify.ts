import { Admin } from '@platformatic/kafka'
import { NotReady } from '@patchbay/sdk'
import { toReply } from '@patchbay/sdk/sink'
import { assertBrokers } from './brokers.ts'
import { toClient } from './client.ts'
import type { Config } from './config.ts'
import { toWords } from './words.ts'

/** Asks the brokers for the topics: what a person hears who tests values that are not saved. */
export async function describeTopics(config: Config): Promise<string> {
  const secrets = [config.sasl?.password]
  try {
    await assertBrokers(config)
    const admin = new Admin({ ...toClient(config), retries: 0 })
    try {
      const { topics } = await admin.metadata({ topics: [...config.topics], forceUpdate: true })
      const texts = await Promise.all(
        [...topics].map(async ([name, { partitionsCount }]) => {
          const partitions = Array.from({ length: partitionsCount }, (_, partitionIndex) => partitionIndex)
          const at = async (timestamp: bigint): Promise<bigint> => {
            const asked = partitions.map((partitionIndex) => ({ partitionIndex, timestamp }))
            const [found] = await admin.listOffsets({ topics: [{ name, partitions: asked }] })
            return (found?.partitions ?? []).reduce((sum, { offset }) => sum + offset, 0n)
          }
          const [first, end] = await Promise.all([at(-2n), at(-1n)])
          return `${name} has ${partitionsCount} partitions and about ${end - first} messages`
        }),
      )
      return `Kafka: ${texts.join('; ')}.`
    } finally {
      await admin.close()
    }
  } catch (error) {
    throw new NotReady(toReply(toWords(error), secrets))
  }
}
