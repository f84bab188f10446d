import { packedBytes, unpack } from './bit-pack.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { CodecDamaged } from './codec-damaged.ts'
import { readEven, writeEven } from './even-integers.ts'

/** How a column of integers is written; the numbers are stored, never change them. */
const modes = { plain: 0, delta: 1, deltaOfDelta: 2, doubles: 3 } as const

/** Values of one frame of reference: small, so that one gap does not widen all. */
const BLOCK = 128
/** Beyond this range the difference of differences might not be exact in a double. */
const MAX_RANGE = 2 ** 50
/** Times in microseconds are often whole milliseconds or seconds: all distances from the first value are then divided. */
const UNITS = [1, 1_000, 1_000_000] as const
/** The unit stands beside the mode. */
const UNIT_SCALE = 4
/** All that is written since digits are packed. */
const EVEN = 12

/** Writes any doubles; integers near each other, or in even steps, get small. */
export function writeIntegers(out: ByteWriter, values: Float64Array): void {
  if (!isPackable(values)) {
    out.byte(modes.doubles)
    for (const value of values) out.double(value)
    return
  }
  out.byte(EVEN)
  writeEven(out, values)
}

export function readIntegers(input: ByteReader, length: number): Float64Array {
  const values = new Float64Array(length)
  const form = input.byte()
  if (form === modes.doubles) {
    for (let i = 0; i < length; i++) values[i] = input.double()
    return values
  }
  if (form === EVEN) return readEven(input, length)
  // Forms that are written no more.
  const mode = form % UNIT_SCALE
  const unit = UNITS[Math.floor(form / UNIT_SCALE)]
  if (mode > modes.deltaOfDelta || unit === undefined) throw new CodecDamaged(`no such form of integers: ${form}`)
  const origin = unit === 1 ? 0 : input.signed()
  readScaled(input, mode, values)
  if (unit !== 1) for (let i = 0; i < length; i++) values[i] = origin + (values[i] ?? 0) * unit
  return values
}

function readScaled(input: ByteReader, mode: number, values: Float64Array): void {
  const { length } = values
  const heads = Math.min(mode, length)
  const first = heads > 0 ? input.signed() : 0
  const step = heads > 1 ? input.signed() : 0
  for (let from = heads; from < length; from += BLOCK) {
    const to = Math.min(length, from + BLOCK)
    const base = input.signed()
    const width = input.byte()
    unpack(input.bytes(packedBytes(to - from, width)), base, width, values, from, to)
  }
  if (mode === modes.plain || length === 0) return
  values[0] = first
  if (mode === modes.delta) {
    let sum = first
    for (let i = 1; i < length; i++) values[i] = sum += values[i] ?? 0
  } else if (length > 1) {
    let delta = step
    let sum = first + step
    values[1] = sum
    for (let i = 2; i < length; i++) {
      delta += values[i] ?? 0
      values[i] = sum += delta
    }
  }
}

function isPackable(values: Float64Array): boolean {
  let min = Infinity
  let max = -Infinity
  for (const value of values) {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) return false
    if (value < min) min = value
    if (value > max) max = value
  }
  return values.length === 0 || max - min <= MAX_RANGE
}
