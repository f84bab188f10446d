import { createHash } from 'node:crypto'
import type { Message } from '@platformatic/kafka'
import type { SourceMessage } from '@patchbay/sdk/source'

/** Characters of a topic that stand in an id as they are; of longer ones a digest does. */
const maxTopicChars = 100

const toId = (topic: string): string =>
  topic.length <= maxTopicChars
    ? topic
    : `${topic.slice(0, maxTopicChars)}-${createHash('sha256').update(topic).digest('hex').slice(0, 16)}`

/**
 * Kafka's times are milliseconds, and several messages of one device can have the same one: the offset makes them differ by microseconds, the
 * same each time that the message is read. A broker says -1 for a message without a time.
 */
export function toAt(timestamp: bigint, offset: bigint): number | undefined {
  if (timestamp < 0n) return undefined
  const micros = Number(timestamp * 1000n + (offset % 1000n))
  return Number.isSafeInteger(micros) ? micros : undefined
}

/** A message of Kafka as what it says is read; undefined for one without a value, which says that a key is gone. */
export function toSourceMessage({
  topic,
  partition,
  offset,
  key,
  value,
  headers,
  timestamp,
}: Pick<Message, 'topic' | 'partition' | 'offset' | 'headers' | 'timestamp'> & {
  key: Buffer | null | undefined
  value: Buffer | null | undefined
}): SourceMessage | undefined {
  if (value === null || value === undefined) return undefined
  return {
    id: `${toId(topic)}:${partition}:${offset}`,
    where: `${topic}[${partition}]@${offset}`,
    topic,
    key: key === null || key === undefined ? undefined : key.toString(),
    headers: new Map([...headers].map(([name, of]) => [String(name), String(of)])),
    at: toAt(timestamp, offset),
    bytes: value,
    isNamed: true,
  }
}
