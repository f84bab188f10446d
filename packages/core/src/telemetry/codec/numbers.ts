import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { CodecDamaged } from './codec-damaged.ts'
import { readIntegers, writeIntegers } from './integers.ts'
import { readBytes, writeBytes } from './packed-bytes.ts'

/** Decimal places tried; sensors rarely have more. The scale is stored as it is, the two other forms follow on it. */
const MAX_SCALE = 8
const SINGLES = 16
const DOUBLES = 17
const MAX_SCALED = 2 ** 50
const SINGLE_BYTES = 4
const DOUBLE_BYTES = 8

/** Writes any doubles, bit for bit (-0 and NaN too): as decimals of one scale where they are such, else as bytes. */
export function writeNumbers(out: ByteWriter, values: Float64Array): void {
  const scale = scaleOf(values)
  if (scale !== undefined) {
    const factor = 10 ** scale
    const scaled = new Float64Array(values.length)
    for (let i = 0; i < values.length; i++) scaled[i] = Math.round((values[i] ?? 0) * factor)
    out.byte(scale)
    writeIntegers(out, scaled)
    return
  }
  const single = values.every((value) => Object.is(Math.fround(value), value))
  out.byte(single ? SINGLES : DOUBLES)
  const words = single ? new Float32Array(values) : values.slice()
  writeBytes(out, toPlanes(new Uint8Array(words.buffer), single ? SINGLE_BYTES : DOUBLE_BYTES))
}

export function readNumbers(input: ByteReader, length: number): Float64Array {
  const form = input.byte()
  if (form <= MAX_SCALE) {
    const values = readIntegers(input, length)
    const factor = 10 ** form
    if (form > 0) for (let i = 0; i < length; i++) values[i] = (values[i] ?? 0) / factor
    return values
  }
  if (form !== SINGLES && form !== DOUBLES) throw new CodecDamaged(`no such form of numbers: ${form}`)
  const width = form === SINGLES ? SINGLE_BYTES : DOUBLE_BYTES
  const planes = readBytes(input)
  if (planes.length !== length * width) throw new CodecDamaged('a column of numbers has a wrong length')
  const { buffer } = fromPlanes(planes, width)
  return form === SINGLES ? new Float64Array(new Float32Array(buffer)) : new Float64Array(buffer)
}

/** The fewest decimal places that all values have, if they are short decimals at all. */
function scaleOf(values: Float64Array): number | undefined {
  let scale = 0
  for (const value of values) {
    if (Object.is(value, -0)) return undefined
    while (!isDecimal(value, 10 ** scale)) {
      scale += 1
      if (scale > MAX_SCALE) return undefined
    }
  }
  // A value with few places may be too large, or not exact, at the scale that a later one needs.
  const factor = 10 ** scale
  return values.every((value) => isDecimal(value, factor)) ? scale : undefined
}

function isDecimal(value: number, factor: number): boolean {
  const scaled = Math.round(value * factor)
  return Math.abs(scaled) <= MAX_SCALED && scaled / factor === value
}

/** Each word XORed with the one before, then all first bytes, all second bytes...: what stays the same becomes runs of zeros. */
function toPlanes(bytes: Uint8Array, width: number): Uint8Array {
  const count = bytes.length / width
  const planes = new Uint8Array(bytes.length)
  for (let plane = 0; plane < width; plane++) {
    let before = 0
    for (let i = 0; i < count; i++) {
      const byte = bytes[i * width + plane] ?? 0
      planes[plane * count + i] = byte ^ before
      before = byte
    }
  }
  return planes
}

function fromPlanes(planes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const count = planes.length / width
  const bytes = new Uint8Array(planes.length)
  for (let plane = 0; plane < width; plane++) {
    let before = 0
    for (let i = 0; i < count; i++) {
      before ^= planes[plane * count + i] ?? 0
      bytes[i * width + plane] = before
    }
  }
  return bytes
}
