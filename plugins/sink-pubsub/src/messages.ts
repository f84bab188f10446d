import type { SinkRecord } from '@patchbay/sdk'
import { type NameTemplate, readNameTemplate, toJsonLine } from '@patchbay/sdk/sink'

/** Of one request; the service takes 1,000 and 10 MB. */
const maxMessages = 1000
const maxBytes = 9_000_000
const maxKeyBytes = 1024
/** Attributes and the frame around a message, about. */
const overheadBytes = 300

/** A message as Publish takes it. */
export interface OutMessage {
  data: Buffer
  attributes: Record<string, string>
  ordering_key: string
}

/** Messages of one key in order, and their places in the batch. */
export interface Group {
  messages: OutMessage[]
  indices: number[]
}

/** Throws BadConfig. */
export const readOrderingKey = (text: string): NameTemplate =>
  readNameTemplate({
    path: '/orderingKey',
    text,
    fields: ['device', 'type', 'tag'],
    clean: (value) => value.replaceAll(/\p{Cc}/gu, '_'),
  })

const cutKey = (key: string): string =>
  Buffer.byteLength(key) <= maxKeyBytes
    ? key
    : Buffer.from(key).subarray(0, maxKeyBytes).toString().replaceAll('\uFFFD', '')

const toMessage = (record: SinkRecord, key: string): OutMessage => ({
  data: Buffer.from(toJsonLine(record)),
  attributes: { 'content-type': 'application/json', device: record.device, id: record.id, type: record.type },
  ordering_key: key,
})

/** By key, since a request is of one key; a key that has more than one request takes has several groups, which go one after the other. */
export function toGroups(records: readonly SinkRecord[], key: NameTemplate): Group[][] {
  const keys = new Map<string, { groups: Group[]; bytes: number }>()
  for (const [index, record] of records.entries()) {
    const name = cutKey(key.of(record)) || '_'
    const known = keys.get(name) ?? { groups: [], bytes: Infinity }
    const message = toMessage(record, name)
    const size = message.data.length + overheadBytes
    let group = known.groups.at(-1)
    if (!group || known.bytes + size > maxBytes || group.messages.length >= maxMessages) {
      group = { messages: [], indices: [] }
      known.groups.push(group)
      known.bytes = 0
    }
    group.messages.push(message)
    group.indices.push(index)
    known.bytes += size
    keys.set(name, known)
  }
  return [...keys.values()].map(({ groups }) => groups)
}
