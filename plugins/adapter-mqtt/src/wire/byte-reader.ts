import { isUtf8 } from 'node:buffer'
import { malformed } from './violation.ts'

/** Reads the fields of one packet, [MQTT 5, 1.5]; whatever would go past its end is malformed. */
export class ByteReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, from: number, end: number) {
    this.#bytes = bytes
    this.#at = from
    this.#end = end
  }

  get left(): number {
    return this.#end - this.#at
  }

  byte(): number {
    return this.#bytes[this.#take(1)] ?? 0
  }

  twoBytes(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }

  fourBytes(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  /** [MQTT-1.5.5-1] a variable byte integer has at most four bytes. */
  variable(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const next = this.byte()
      value += (next & 0x7f) * 2 ** shift
      if ((next & 0x80) === 0) return value
    }
    throw malformed('A variable byte integer has more than four bytes')
  }

  binary(): Buffer {
    const length = this.twoBytes()
    const from = this.#take(length)
    return this.#bytes.subarray(from, from + length)
  }

  /** [MQTT-1.5.4-1] well-formed UTF-8 without surrogates, [MQTT-1.5.4-2] without U+0000. */
  text(): string {
    return toText(this.binary())
  }

  /** A text that names something; control and non-characters may be refused, and are. [MQTT 5, 1.5.4] */
  name(): string {
    return toName(this.binary())
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at, this.#end)
  }

  /** A reader of the next `length` bytes alone. */
  part(length: number): ByteReader {
    const from = this.#take(length)
    return new ByteReader(this.#bytes, from, from + length)
  }

  /** Nothing may follow what the packet is made of. */
  finish(): void {
    if (this.left > 0) throw malformed('The packet is longer than its fields')
  }

  #take(length: number): number {
    const from = this.#at
    if (from + length > this.#end) throw malformed('The packet ends inside a field')
    this.#at = from + length
    return from
  }
}

export function toText(bytes: Buffer): string {
  if (bytes.includes(0)) throw malformed('A text has the character U+0000')
  if (!isUtf8(bytes)) throw malformed('A text is not UTF-8')
  return bytes.toString('utf8')
}

// oxlint-disable-next-line no-control-regex -- these are what it looks for
const unnameable =
  /[\u0001-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]|[\ud83f\ud87f\ud8bf\ud8ff\ud93f\ud97f\ud9bf\ud9ff\uda3f\uda7f\udabf\udaff\udb3f\udb7f\udbbf\udbff][\udffe\udfff]/

export function toName(bytes: Buffer): string {
  const text = toText(bytes)
  if (unnameable.test(text)) throw malformed('A name has a control character or a non-character')
  return text
}
