import { notDecoded } from './violation.ts'

/** A value with a descriptor before it. [AMQP 1.2] */
export class Described {
  readonly descriptor: number | string
  readonly value: Value
  constructor(descriptor: number | string, value: Value) {
    this.descriptor = descriptor
    this.value = value
  }
}

/** What nobody here asks for: maps, UUIDs, decimals. It was checked all the same. */
export class Opaque {
  readonly code: number
  constructor(code: number) {
    this.code = code
  }
}

/** Lists and arrays come as arrays, symbols as text. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Described | Opaque | readonly Value[]

/** No sane peer nests deeper, and a recursion must end. */
const maxDepth = 16
/** Values in one frame or message: one byte can be many of them in an array of nulls. */
const maxValues = 10_000

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads AMQP's types from bytes of a stranger. Every way out of the specification or the limits is a `Violation`. [AMQP 1.6] */
export class Reader {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number
  #left = maxValues

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  get at(): number {
    return this.#at
  }
  get done(): boolean {
    return this.#at >= this.#end
  }

  value(): Value {
    return this.#value(0, this.#end)
  }

  #take(bytes: number, end: number): number {
    const at = this.#at
    if (bytes > end - at) throw notDecoded('A value ends before its end.')
    this.#at = at + bytes
    return at
  }

  #value(depth: number, end: number): Value {
    if (depth > maxDepth) throw notDecoded(`Values are nested deeper than ${maxDepth}.`)
    if (--this.#left < 0) throw notDecoded(`More than ${maxValues} values.`)
    const code = this.#bytes[this.#take(1, end)] ?? 0
    if (code !== 0) return this.#coded(code, depth, end)
    const descriptor = this.#value(depth + 1, end)
    if (typeof descriptor !== 'number' && typeof descriptor !== 'string') throw notDecoded('A descriptor of no kind.')
    return new Described(descriptor, this.#value(depth + 1, end))
  }

  #coded(code: number, depth: number, end: number): Value {
    switch (code >> 4) {
      case 0x4:
        return empty(code)
      case 0x5:
        return this.#oneByte(code, this.#take(1, end))
      case 0x6:
        return this.#twoBytes(code, this.#take(2, end))
      case 0x7:
        return this.#fourBytes(code, this.#take(4, end))
      case 0x8:
        return this.#eightBytes(code, this.#take(8, end))
      case 0x9:
        return this.#sixteenBytes(code, this.#take(16, end))
      case 0xa:
        return this.#variable(code, this.#bytes.readUInt8(this.#take(1, end)), end)
      case 0xb:
        return this.#variable(code, this.#bytes.readUInt32BE(this.#take(4, end)), end)
      case 0xc:
      case 0xd:
        return this.#compound(code, depth, end)
      case 0xe:
      case 0xf:
        return this.#array(code, depth, end)
      default:
        throw notDecoded(`There is no type 0x${code.toString(16)}.`)
    }
  }

  #slice(at: number, bytes: number): Uint8Array {
    return this.#bytes.subarray(at, at + bytes)
  }

  #oneByte(code: number, at: number): Value {
    const byte = this.#bytes.readUInt8(at)
    if (code === 0x56) return toBoolean(byte)
    if (code === 0x50 || code === 0x52 || code === 0x53) return byte
    if (code === 0x51 || code === 0x54 || code === 0x55) return this.#bytes.readInt8(at)
    throw unknown(code)
  }

  #twoBytes(code: number, at: number): Value {
    if (code === 0x60) return this.#bytes.readUInt16BE(at)
    if (code === 0x61) return this.#bytes.readInt16BE(at)
    throw unknown(code)
  }

  #fourBytes(code: number, at: number): Value {
    if (code === 0x70 || code === 0x73) return this.#bytes.readUInt32BE(at)
    if (code === 0x71) return this.#bytes.readInt32BE(at)
    if (code === 0x72) return this.#bytes.readFloatBE(at)
    if (code === 0x74) return new Opaque(code)
    throw unknown(code)
  }

  #eightBytes(code: number, at: number): Value {
    if (code === 0x80) return toNumber(this.#bytes.readBigUInt64BE(at))
    if (code === 0x81 || code === 0x83) return toNumber(this.#bytes.readBigInt64BE(at))
    if (code === 0x82) return this.#bytes.readDoubleBE(at)
    if (code === 0x84) return new Opaque(code)
    throw unknown(code)
  }

  #sixteenBytes(code: number, _at: number): Value {
    if (code === 0x94 || code === 0x98) return new Opaque(code)
    throw unknown(code)
  }

  #variable(code: number, bytes: number, end: number): Value {
    const slice = this.#slice(this.#take(bytes, end), bytes)
    const kind = code & 0xf
    if (kind === 0) return slice
    if (kind !== 1 && kind !== 3) throw unknown(code)
    try {
      return utf8.decode(slice)
    } catch {
      throw notDecoded('A text is not UTF-8.')
    }
  }

  /** Size and count, both checked against what is there. */
  #sized(code: number, end: number): { count: number; end: number } {
    const wide = (code & 0x10) !== 0
    const size = wide ? this.#bytes.readUInt32BE(this.#take(4, end)) : this.#bytes.readUInt8(this.#take(1, end))
    const start = this.#at
    if (size > end - start || size < (wide ? 4 : 1)) throw notDecoded('A list is longer than what it is in.')
    const inner = start + size
    const count = wide ? this.#bytes.readUInt32BE(this.#take(4, inner)) : this.#bytes.readUInt8(this.#take(1, inner))
    if (count > maxValues) throw notDecoded(`More than ${maxValues} values.`)
    return { count, end: inner }
  }

  #compound(code: number, depth: number, outer: number): Value {
    const { count, end } = this.#sized(code, outer)
    const kind = code & 0xf
    if (kind !== 0 && kind !== 1) throw unknown(code)
    if (kind === 1 && count % 2 !== 0) throw notDecoded('A map has a key without a value.')
    const values: Value[] = []
    for (let i = 0; i < count; i++) values.push(this.#value(depth + 1, end))
    if (this.#at !== end) throw notDecoded('A list does not end where it says.')
    return kind === 0 ? values : new Opaque(code)
  }

  #array(code: number, depth: number, outer: number): Value {
    if ((code & 0xf) !== 0) throw unknown(code)
    const { count, end } = this.#sized(code, outer)
    const element = this.#bytes[this.#take(1, end)] ?? 0
    if (element === 0) throw notDecoded('An array of described values is not taken.')
    const values: Value[] = []
    for (let i = 0; i < count; i++) {
      if (--this.#left < 0) throw notDecoded(`More than ${maxValues} values.`)
      values.push(this.#coded(element, depth + 1, end))
    }
    if (this.#at !== end) throw notDecoded('An array does not end where it says.')
    return values
  }
}

const unknown = (code: number) => notDecoded(`There is no type 0x${code.toString(16)}.`)

function empty(code: number): Value {
  switch (code) {
    case 0x40:
      return null
    case 0x41:
      return true
    case 0x42:
      return false
    case 0x43:
    case 0x44:
      return 0
    case 0x45:
      return []
    default:
      throw unknown(code)
  }
}

function toBoolean(byte: number): boolean {
  if (byte > 1) throw notDecoded('A boolean is neither true nor false.')
  return byte === 1
}

function toNumber(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
