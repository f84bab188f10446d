const FIRST_BYTES = 512
const LOW_BITS = 0x7f
const MORE = 0x80

/** Bytes that grow. Integers are written in as few bytes as they need. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES)
  #length = 0

  byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  /** A whole number from 0 to 2^53. */
  unsigned(value: number): void {
    let left = value
    while (left > LOW_BITS) {
      this.byte((left % MORE) | MORE)
      left = Math.floor(left / MORE)
    }
    this.byte(left)
  }

  /** A whole number of at most 2^53 in size; the sign is the lowest bit of the first byte. */
  signed(value: number): void {
    const size = Math.abs(value)
    const high = Math.floor(size / 64)
    this.byte((high > 0 ? MORE : 0) | ((size % 64) << 1) | (value < 0 ? 1 : 0))
    if (high > 0) this.unsigned(high)
  }

  double(value: number): void {
    this.#room(8)
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true)
    this.#length += 8
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** So many bytes, all zero, for the caller to fill before it writes anything else. */
  reserve(length: number): Uint8Array {
    this.#room(length)
    const reserved = this.#bytes.subarray(this.#length, this.#length + length)
    this.#length += length
    return reserved
  }

  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
