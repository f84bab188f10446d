import type { FieldValue } from './line-parser.ts'

const array = 4 << 5
const map = 5 << 5
const text = 3 << 5
const float64 = 0xfb

/** Writes what readings need of CBOR (RFC 8949): they are understood so whatever the codec of the device's type is. */
export interface CborWriter {
  array(length: number): void
  map(length: number): void
  value(value: FieldValue): void
  bytes(): Buffer
}

const firstBytes = 4096

export function createCborWriter(): CborWriter {
  let buffer = Buffer.allocUnsafe(firstBytes)
  let at = 0

  function room(bytes: number): void {
    if (at + bytes <= buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + bytes))
    buffer.copy(grown, 0, 0, at)
    buffer = grown
  }

  function head(major: number, length: number): void {
    room(5)
    if (length < 24) buffer[at++] = major | length
    else if (length < 0x1_0000) {
      buffer[at++] = major | 25
      at = buffer.writeUInt16BE(length, at)
    } else {
      buffer[at++] = major | 26
      at = buffer.writeUInt32BE(length, at)
    }
  }

  return {
    array: (length) => head(array, length),
    map: (length) => head(map, length),
    value(value) {
      if (typeof value === 'number') {
        room(9)
        buffer[at++] = float64
        at = buffer.writeDoubleBE(value, at)
      } else if (typeof value === 'boolean') {
        room(1)
        buffer[at++] = value ? 0xf5 : 0xf4
      } else {
        const bytes = Buffer.byteLength(value)
        head(text, bytes)
        room(bytes)
        at += buffer.write(value, at)
      }
    },
    bytes: () => buffer.subarray(0, at),
  }
}
