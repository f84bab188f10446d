import { refuse } from './errors.ts'

/** As proto-loader makes them, with 64-bit numbers as text. */
export interface Message {
  topic: string
  payload: Uint8Array
  id: string
}
export interface Ack {
  id: string
  code: number
  detail: string
}

type Decode = (bytes: Buffer) => unknown
type Members = Readonly<Record<string, unknown>>
const isMembers = (value: unknown): value is Members => typeof value === 'object' && value !== null

function decodeWith(decode: Decode, bytes: unknown): Members {
  try {
    const value = Buffer.isBuffer(bytes) ? decode(bytes) : undefined
    if (isMembers(value)) return value
  } catch (cause) {
    throw refuse('GRPC_MESSAGE', undefined, cause)
  }
  throw refuse('GRPC_MESSAGE')
}

export function toMessage(decode: Decode, bytes: unknown): Message {
  const { topic, payload, id } = decodeWith(decode, bytes)
  if (typeof topic !== 'string' || !(payload instanceof Uint8Array) || typeof id !== 'string')
    throw refuse('GRPC_MESSAGE')
  return { topic, payload, id }
}

const maxFilters = 200
export function toFilters(decode: Decode, bytes: unknown): string[] {
  const { filters } = decodeWith(decode, bytes)
  if (!Array.isArray(filters) || filters.length === 0 || filters.length > maxFilters) throw refuse('GRPC_FILTERS')
  return [...new Set(filters.filter((filter) => typeof filter === 'string'))]
}
