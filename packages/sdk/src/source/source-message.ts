/** A message of a broker or stream, whichever it is. */
export interface SourceMessage {
  /** The same message has the same id; at most 180 characters, no `/`. */
  readonly id: string
  /** Where it is, for a person: `readings[3]@120`. */
  readonly where: string
  /** Topic, or routing key. */
  readonly topic: string
  readonly key: string | undefined
  readonly headers: ReadonlyMap<string, string>
  /** Its own time, integer microseconds since 1970. */
  readonly at: number | undefined
  readonly bytes: Uint8Array
  /** `id` is the same each time that it comes, so that a reading without a time can be stored once. */
  readonly isNamed: boolean
}

/** As a dead letter shows it: plain JSON, and enough to take it again. */
export interface MessageItem {
  [field: string]: unknown
  where: string
  topic: string
  key?: string
  headers?: Record<string, string>
  at?: number
  /** The payload as text; `base64` says that it is not. */
  value: string
  base64?: true
  /** The payload was longer than a dead letter keeps. */
  cut?: true
}

/** Bytes of a payload that a dead letter keeps. */
export const maxLetterBytes = 32_768
const maxHeaders = 20
const maxHeaderChars = 256

const toText = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined // not text: it is kept as base64
  }
}

/** What a dead letter keeps of a message. */
export function toItem({ where, topic, key, headers, at, bytes }: SourceMessage): MessageItem {
  const isCut = bytes.length > maxLetterBytes
  const kept = isCut ? bytes.subarray(0, maxLetterBytes) : bytes
  const text = toText(kept)
  const named = [...headers].slice(0, maxHeaders).map(([name, value]) => [name, value.slice(0, maxHeaderChars)])
  return {
    where,
    topic,
    ...(key === undefined ? {} : { key: key.slice(0, maxHeaderChars) }),
    ...(named.length > 0 ? { headers: Object.fromEntries(named) } : {}),
    ...(at === undefined ? {} : { at }),
    value: text ?? Buffer.from(kept).toString('base64'),
    ...(text === undefined ? { base64: true } : {}),
    ...(isCut ? { cut: true } : {}),
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A dead letter as the message that it was, or as a person has changed it. */
export function ofItem(item: Readonly<Record<string, unknown>>): SourceMessage {
  const { where, topic, key, headers, at, value, base64 } = item
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const named = typeof headers === 'object' && headers !== null ? Object.entries(headers) : []
  return {
    id: textOf(where),
    where: textOf(where),
    topic: textOf(topic),
    key: typeof key === 'string' ? key : undefined,
    headers: new Map(named.map(([name, of]) => [name, textOf(of)])),
    at: typeof at === 'number' && Number.isSafeInteger(at) ? at : undefined,
    bytes: Buffer.from(text, base64 === true ? 'base64' : 'utf8'),
    isNamed: false,
  }
}
