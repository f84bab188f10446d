import { CodecDamaged } from './codec-damaged.ts'

const MORE = 0x80

/** Reads what `ByteWriter` wrote; bytes that end too early are damage. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(): number {
    const value = this.#bytes[this.#at++]
    if (value === undefined) throw new CodecDamaged('the bytes end too early')
    return value
  }

  unsigned(): number {
    let value = 0
    for (let scale = 1; scale <= Number.MAX_SAFE_INTEGER; scale *= MORE) {
      const byte = this.byte()
      value += (byte & (MORE - 1)) * scale
      if (byte < MORE) return value
    }
    throw new CodecDamaged('a number is too long')
  }

  signed(): number {
    const first = this.byte()
    let size = (first & (MORE - 1)) >>> 1
    if (first >= MORE) size += this.unsigned() * 64
    return first & 1 ? -size : size
  }

  double(): number {
    if (this.#at + 8 > this.#bytes.length) throw new CodecDamaged('the bytes end too early')
    const value = this.#view.getFloat64(this.#at, true)
    this.#at += 8
    return value
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new CodecDamaged('the bytes end too early')
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }
}
