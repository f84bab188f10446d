import { HostError } from '../errors.ts'

/** `call` is answered by `ok` or `no` with the same id; `cast` is not answered. */
export type EntryKind = 'call' | 'cast' | 'ok' | 'no'

/** One message between host and guest. `value` is JSON; bytes travel beside it. */
export interface Entry {
  kind: EntryKind
  id: number
  op: string
  value: unknown
  bytes: readonly Uint8Array[]
}

/** A batch of messages as it crosses: the text describes, the bytes of all attachments follow each other. */
export interface Frame {
  text: string
  bytes: Uint8Array<ArrayBuffer>
}

export const maxFrameBytes = 8 * 1024 * 1024
/** Characters of one message beside its attachments: the other side parses them in one go, 11 ms of objects at most. */
export const maxMessageText = 1024 * 1024

/** What a packer keeps for the next frame. */
const maxKeptBytes = 512 * 1024

const kinds = ['call', 'cast', 'ok', 'no'] as const
const noBytes: readonly Uint8Array[] = []

export const lengthOf = (bytes: readonly Uint8Array[]): number => {
  let total = 0
  for (const each of bytes) total += each.length
  return total
}

/** Collects messages for one frame. */
export interface Packer {
  readonly entries: number
  readonly bytes: number
  /** Characters. */
  readonly text: number
  /** Reads the value and copies the attachments at once, so that their owner may use them again. Throws what cannot be sent. */
  add(entry: Entry): void
  take(): Frame
}

const leastBytes = 4_096

export function createPacker(): Packer {
  let rows: string[] = []
  let text = 0
  let packed = new Uint8Array(leastBytes)
  let used = 0
  const reserve = (more: number): void => {
    if (used + more <= packed.length) return
    const grown = new Uint8Array(Math.max(packed.length * 2, used + more))
    grown.set(packed.subarray(0, used))
    packed = grown
  }
  return {
    get entries() {
      return rows.length
    },
    get bytes() {
      return used
    },
    get text() {
      return text
    },
    add({ kind, id, op, value, bytes }) {
      const row: unknown[] = [kinds.indexOf(kind), id, op, value]
      for (const each of bytes) row.push(each.length)
      const said = JSON.stringify(row)
      if (said.length > maxMessageText)
        throw new HostError(
          'PLUGIN_LIMIT',
          `A message has ${said.length} characters of JSON; ${maxMessageText} are permitted.`,
        )
      for (const each of bytes) {
        reserve(each.length)
        packed.set(each, used)
        used += each.length
      }
      rows.push(said)
      text += said.length
    },
    take() {
      // A frame of its own, which can be handed over whole.
      const frame = { text: `[${rows.join(',')}]`, bytes: packed.slice(0, used) }
      rows = []
      text = 0
      used = 0
      if (packed.length > maxKeptBytes) packed = new Uint8Array(leastBytes)
      return frame
    },
  }
}

const malformed = (why: string): HostError => new HostError('PLUGIN_PROTOCOL', `A message of the plugin ${why}.`)

/** Unpacks a batch from a side that is not trusted. */
export function fromFrame({ text, bytes }: Frame): Entry[] {
  let rows: unknown
  try {
    rows = JSON.parse(text)
  } catch (cause) {
    throw new HostError('PLUGIN_PROTOCOL', undefined, { cause })
  }
  if (!Array.isArray(rows)) throw malformed('is no list')
  let at = 0
  return rows.map((row: unknown): Entry => {
    if (!Array.isArray(row)) throw malformed('is no list')
    const [kindIndex, id, op, value]: unknown[] = row
    const kind = typeof kindIndex === 'number' ? kinds[kindIndex] : undefined
    if (kind === undefined || !Number.isSafeInteger(id) || typeof id !== 'number' || typeof op !== 'string')
      throw malformed('has no kind, id or name')
    if (row.length === 4) return { kind, id, op, value, bytes: noBytes }
    const attached: Uint8Array[] = []
    for (let index = 4; index < row.length; index += 1) {
      const length: unknown = row[index]
      if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0 || at + length > bytes.length)
        throw malformed('names bytes that it does not carry')
      attached.push(bytes.subarray(at, at + length))
      at += length
    }
    return { kind, id, op, value, bytes: attached }
  })
}
