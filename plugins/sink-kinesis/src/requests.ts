import type { SinkRecord } from '@patchbay/sdk'
import { type NameTemplate, readNameTemplate, toJsonLine } from '@patchbay/sdk/sink'

/** One call takes so many records, and 5 MiB with keys; the text of a request has a third more. */
export const maxCallRecords = 500
export const maxCallBytes = 4_800_000
/** Characters of a partition key. */
const maxKeyLength = 256

/** A record as PutRecords takes it, and its place in the batch. */
export interface Entry {
  index: number
  device: string
  key: string
  data: Buffer
}

/** Throws BadConfig. */
export const readPartitionKey = (text: string): NameTemplate =>
  readNameTemplate({
    path: '/partitionKey',
    text,
    fields: ['device', 'type', 'tag'],
    clean: (value) => value.replaceAll(/\p{Cc}/gu, '_'),
  })

export const toEntries = (records: readonly SinkRecord[], key: NameTemplate): Entry[] =>
  records.map((record, index) => ({
    index,
    device: record.device,
    key: key.of(record).slice(0, maxKeyLength) || '_',
    data: Buffer.from(toJsonLine(record)),
  }))

/** Cuts entries into calls, in order. */
export function toCalls(entries: readonly Entry[]): Entry[][] {
  const calls: Entry[][] = []
  let bytes = Infinity
  let last: Entry[] = []
  for (const entry of entries) {
    const size = entry.data.length + entry.key.length
    if (bytes + size > maxCallBytes || last.length >= maxCallRecords) {
      last = []
      calls.push(last)
      bytes = 0
    }
    last.push(entry)
    bytes += size
  }
  return calls
}

/**
 * The next call when some of the last were not taken: of each device the first that is still to go, so that none can pass another of its device.
 */
export function toRound(entries: readonly Entry[]): Entry[] {
  const devices = new Set<string>()
  const round: Entry[] = []
  for (const entry of entries) {
    if (round.length >= maxCallRecords) break
    if (devices.has(entry.device)) continue
    devices.add(entry.device)
    round.push(entry)
  }
  return round
}

/** The body of a PutRecords. */
export const toBody = (stream: string, entries: readonly Entry[]): string =>
  JSON.stringify({
    StreamName: stream,
    Records: entries.map(({ key, data }) => ({ Data: data.toString('base64'), PartitionKey: key })),
  })
