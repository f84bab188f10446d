import type { SinkRecord } from '@patchbay/sdk'
import { type NameTemplate, readNameTemplate, toJsonLine } from '@patchbay/sdk/sink'

export interface OutMessage {
  topic: string
  /** The device, unless it is told: messages of one key are in one partition, in order. */
  key: string
  value: string
  headers: Record<string, string>
  /** Milliseconds since 1970. */
  timestamp: bigint
}

/** What a message takes besides its value, about. */
const overheadBytes = 200
const maxTopicLength = 249
/** A request stays below what brokers take unless told otherwise, 1 MiB. */
export const maxRequestBytes = 900_000

/** Where messages go, and what decides of their partition. */
export interface Route {
  topic: NameTemplate
  key: NameTemplate
}

/** Reads the templates; throws BadConfig. */
export const toRoute = ({ topic, key }: { topic: string; key: string }): Route => ({
  topic: readNameTemplate({
    path: '/topic',
    text: topic,
    fields: ['device', 'type', 'tag'],
    clean: (text) => text.replaceAll(/[^A-Za-z0-9._-]/g, '_'),
  }),
  key: readNameTemplate({ path: '/key', text: key, fields: ['device', 'type', 'tag'], clean: (text) => text }),
})

export const toMessage = (record: SinkRecord, { topic, key }: Route): OutMessage => ({
  topic: topic.of(record).slice(0, maxTopicLength),
  key: key.of(record),
  value: toJsonLine(record),
  headers: { 'content-type': 'application/json', id: record.id, type: record.type },
  timestamp: BigInt(Math.floor(record.at / 1000)),
})

/** Cuts messages into requests, in order. */
export function toRequests(messages: readonly OutMessage[], mostBytes = maxRequestBytes): OutMessage[][] {
  const requests: OutMessage[][] = []
  let bytes = Infinity
  for (const message of messages) {
    const size = Buffer.byteLength(message.value) + overheadBytes
    if (bytes + size > mostBytes) {
      requests.push([])
      bytes = 0
    }
    requests.at(-1)?.push(message)
    bytes += size
  }
  return requests
}
