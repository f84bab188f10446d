import type { SinkRecord } from '@patchbay/sdk'
import { toJsonLine } from '@patchbay/sdk/sink'

export interface OutMessage {
  topic: string
  /** The device: its messages are in one partition, in order. */
  key: string
  value: string
  headers: Record<string, string>
  /** Milliseconds since 1970. */
  timestamp: bigint
}

/** What a message takes besides its value, about. */
const overheadBytes = 200
/** A request stays below what brokers take unless told otherwise, 1 MiB. */
export const maxRequestBytes = 900_000

const toTopic = (template: string, type: string): string =>
  template.replaceAll('{type}', type.replaceAll(/[^A-Za-z0-9._-]/g, '_') || '_')

export const toMessage = (record: SinkRecord, topic: string): OutMessage => ({
  topic: toTopic(topic, record.type),
  key: record.device,
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
