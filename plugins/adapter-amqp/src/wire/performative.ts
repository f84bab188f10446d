import { Described, Reader, type Value } from './reader.ts'
import { notDecoded, Violation } from './violation.ts'

/** Descriptors of the performatives. [AMQP 2.7, 5.3.3] */
export const codes = {
  open: 0x10,
  begin: 0x11,
  attach: 0x12,
  flow: 0x13,
  transfer: 0x14,
  disposition: 0x15,
  detach: 0x16,
  end: 0x17,
  close: 0x18,
  saslMechanisms: 0x40,
  saslInit: 0x41,
  saslOutcome: 0x44,
} as const

const named = new Map<string, number>(
  Object.entries({
    'amqp:open:list': codes.open,
    'amqp:begin:list': codes.begin,
    'amqp:attach:list': codes.attach,
    'amqp:flow:list': codes.flow,
    'amqp:transfer:list': codes.transfer,
    'amqp:disposition:list': codes.disposition,
    'amqp:detach:list': codes.detach,
    'amqp:end:list': codes.end,
    'amqp:close:list': codes.close,
    'amqp:sasl-init:list': codes.saslInit,
  }),
)

/** The fields of a composite, asked for by place and kind. */
export class Fields {
  readonly code: number
  readonly #values: readonly Value[]
  constructor(code: number, values: readonly Value[]) {
    this.code = code
    this.#values = values
  }

  at(place: number): Value {
    return this.#values[place] ?? null
  }
  uint(place: number): number | undefined {
    const value = this.at(place)
    if (value === null) return undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value
    throw this.#wrong(place)
  }
  mustUint(place: number): number {
    const value = this.uint(place)
    if (value === undefined) throw this.#wrong(place)
    return value
  }
  boolean(place: number): boolean {
    const value = this.at(place)
    if (value === null) return false
    if (typeof value === 'boolean') return value
    throw this.#wrong(place)
  }
  text(place: number): string | undefined {
    const value = this.at(place)
    if (value === null) return undefined
    if (typeof value === 'string') return value
    throw this.#wrong(place)
  }
  bytes(place: number): Uint8Array | undefined {
    const value = this.at(place)
    if (value === null) return undefined
    if (value instanceof Uint8Array) return value
    throw this.#wrong(place)
  }
  #wrong(place: number): Violation {
    return new Violation('amqp:invalid-field', `Field ${place} of 0x${this.code.toString(16)} is missing or wrong.`)
  }
}

/** The fields of a described list; undefined when the value is none. */
export function toFields(value: Value): Fields | undefined {
  if (!(value instanceof Described) || !isList(value.value)) return undefined
  const code = typeof value.descriptor === 'number' ? value.descriptor : (named.get(value.descriptor) ?? -1)
  return new Fields(code, value.value)
}

/** The performative of a frame, and where its payload begins. */
export function readPerformative(bytes: Buffer, start: number): { fields: Fields; payload: Buffer } {
  const reader = new Reader(bytes, start)
  const fields = toFields(reader.value())
  if (!fields) throw notDecoded('A frame holds no performative.')
  return { fields, payload: bytes.subarray(reader.at) }
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value)
