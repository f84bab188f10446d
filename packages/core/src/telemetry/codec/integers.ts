import { pack, packedBytes, unpack, widthOf } from './bit-pack.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { CodecDamaged } from './codec-damaged.ts'

/** How a column of integers is written; the numbers are stored, never change them. */
const modes = { plain: 0, delta: 1, deltaOfDelta: 2, doubles: 3 } as const

/** Values of one frame of reference: small, so that one gap does not widen all. */
const BLOCK = 128
/** Beyond this range the difference of differences might not be exact in a double. */
const MAX_RANGE = 2 ** 50
/** What a block costs beside its packed values, about. */
const BLOCK_HEAD_BITS = 24
/** Times in microseconds are often whole milliseconds or seconds: all distances from the first value are then divided. */
const UNITS = [1, 1_000, 1_000_000] as const
/** The unit stands beside the mode. */
const UNIT_SCALE = 4

/** Writes any doubles; integers near each other, or in even steps, get small. */
export function writeIntegers(out: ByteWriter, values: Float64Array): void {
  if (!isPackable(values)) {
    out.byte(modes.doubles)
    for (const value of values) out.double(value)
    return
  }
  const first = values[0] ?? 0
  const place = UNITS.findLastIndex((unit) => values.every((value) => (value - first) % unit === 0))
  const unit = UNITS[place] ?? 1
  const scaled = unit === 1 ? values : values.map((value) => (value - first) / unit)
  const delta = differences(scaled)
  const deltaOfDelta = differences(delta)
  const costs = [costOf(scaled), costOf(delta), costOf(deltaOfDelta)]
  const cheapest = Math.min(...costs)
  const mode = costs.lastIndexOf(cheapest)
  out.byte(mode + place * UNIT_SCALE)
  if (unit !== 1) out.signed(first)
  if (mode === modes.plain) writeBlocks(out, scaled)
  else {
    const heads = mode === modes.delta ? [scaled[0] ?? 0] : [scaled[0] ?? 0, delta[0] ?? 0]
    for (const head of heads.slice(0, values.length)) out.signed(head)
    writeBlocks(out, mode === modes.delta ? delta : deltaOfDelta)
  }
}

export function readIntegers(input: ByteReader, length: number): Float64Array {
  const values = new Float64Array(length)
  const form = input.byte()
  if (form === modes.doubles) {
    for (let i = 0; i < length; i++) values[i] = input.double()
    return values
  }
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

function writeBlocks(out: ByteWriter, values: Float64Array): void {
  for (let from = 0; from < values.length; from += BLOCK) {
    const to = Math.min(values.length, from + BLOCK)
    const { base, width } = frameOf(values, from, to)
    out.signed(base)
    out.byte(width)
    pack(values, from, to, base, width, out.reserve(packedBytes(to - from, width)))
  }
}

function frameOf(values: Float64Array, from: number, to: number): { base: number; width: number } {
  let min = Infinity
  let max = -Infinity
  for (let i = from; i < to; i++) {
    const value = values[i] ?? 0
    if (value < min) min = value
    if (value > max) max = value
  }
  return { base: min, width: widthOf(max - min) }
}

function costOf(values: Float64Array): number {
  let bits = 0
  for (let from = 0; from < values.length; from += BLOCK) {
    const to = Math.min(values.length, from + BLOCK)
    bits += (to - from) * frameOf(values, from, to).width + BLOCK_HEAD_BITS
  }
  return bits
}

function differences(values: Float64Array): Float64Array {
  const result = new Float64Array(Math.max(0, values.length - 1))
  for (let i = 0; i < result.length; i++) result[i] = (values[i + 1] ?? 0) - (values[i] ?? 0)
  return result
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
