import { pack, packedBytes, unpack, widthOf } from './bit-pack.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { CodecDamaged } from './codec-damaged.ts'
import { digitBytes, MAX_RADIX, packDigits, unpackDigits } from './digit-pack.ts'

/** What stands for a value; the numbers are stored, never change them. `line` is the distance from the line through the first and the last. */
const modes = { plain: 0, delta: 1, deltaOfDelta: 2, line: 3 } as const
type Mode = (typeof modes)[keyof typeof modes]

/** Values of one frame of reference: small, so that one gap does not widen all. */
const BLOCK = 128
/** What a block costs beside its packed values, about. */
const BLOCK_HEAD_BITS = 24
/** Marks a block of digits; its radix stands beside it, less one. */
const DIGITS = 0x80

/** Writes integers that span at most 2^50: the cheapest of four forms, of all values divided by what divides all their distances. */
export function writeEven(out: ByteWriter, values: Float64Array): void {
  const first = values[0] ?? 0
  const unit = unitOf(values, first)
  const scaled = values.map((value) => (value - first) / unit)
  const delta = differences(scaled)
  const forms = [scaled, delta, differences(delta), distances(scaled)]
  let mode: Mode = modes.plain
  let cheapest = Infinity
  for (const each of Object.values(modes)) {
    const cost = costOf(forms[each] ?? scaled)
    if (cost <= cheapest) {
      cheapest = cost
      mode = each
    }
  }
  out.byte(mode)
  out.signed(first)
  out.unsigned(unit)
  if (mode === modes.deltaOfDelta) out.signed(delta[0] ?? 0)
  if (mode === modes.line) out.signed(scaled.at(-1) ?? 0)
  writeBlocks(out, forms[mode] ?? scaled)
}

export function readEven(input: ByteReader, length: number): Float64Array {
  const mode = input.byte()
  const first = input.signed()
  const unit = input.unsigned()
  const values = new Float64Array(length)
  if (mode > modes.line) throw new CodecDamaged(`no such form of integers: ${mode}`)
  const second = mode === modes.deltaOfDelta || mode === modes.line ? input.signed() : 0
  const heads = mode === modes.line ? 0 : Math.min(mode, length)
  readBlocks(input, values, heads)
  if (mode === modes.delta) {
    for (let i = 1; i < length; i++) values[i] = (values[i - 1] ?? 0) + (values[i] ?? 0)
  } else if (mode === modes.deltaOfDelta && length > 1) {
    let delta = second
    values[1] = delta
    for (let i = 2; i < length; i++) {
      delta += values[i] ?? 0
      values[i] = (values[i - 1] ?? 0) + delta
    }
  } else if (mode === modes.line) {
    for (let i = 0; i < length; i++) values[i] = (values[i] ?? 0) + lineAt(i, second, length)
  }
  for (let i = 0; i < length; i++) values[i] = first + (values[i] ?? 0) * unit
  return values
}

/** The largest number that divides all distances from the first value. */
function unitOf(values: Float64Array, first: number): number {
  let unit = 0
  for (const value of values) {
    let a = Math.abs(value - first)
    while (a > 0) {
      const rest = unit % a
      unit = a
      a = rest
    }
    if (unit === 1) return 1
  }
  return unit || 1
}

function lineAt(i: number, last: number, length: number): number {
  return length < 2 ? 0 : Math.round((i * last) / (length - 1))
}

function distances(values: Float64Array): Float64Array {
  const last = values.at(-1) ?? 0
  return values.map((value, i) => value - lineAt(i, last, values.length))
}

function differences(values: Float64Array): Float64Array {
  const result = new Float64Array(Math.max(0, values.length - 1))
  for (let i = 0; i < result.length; i++) result[i] = (values[i + 1] ?? 0) - (values[i] ?? 0)
  return result
}

/** The least value of a block and how many there are from there to the greatest. */
function frameOf(values: Float64Array, from: number, to: number): { base: number; size: number } {
  let min = Infinity
  let max = -Infinity
  for (let i = from; i < to; i++) {
    const value = values[i] ?? 0
    if (value < min) min = value
    if (value > max) max = value
  }
  return { base: min, size: max - min + 1 }
}

function bytesOf(count: number, size: number): number {
  const bits = packedBytes(count, widthOf(size - 1))
  return size > 1 && size <= MAX_RADIX ? Math.min(bits, digitBytes(count, size)) : bits
}

function costOf(values: Float64Array): number {
  let bits = 0
  for (let from = 0; from < values.length; from += BLOCK) {
    const to = Math.min(values.length, from + BLOCK)
    bits += bytesOf(to - from, frameOf(values, from, to).size) * 8 + BLOCK_HEAD_BITS
  }
  return bits
}

function writeBlocks(out: ByteWriter, values: Float64Array): void {
  for (let from = 0; from < values.length; from += BLOCK) {
    const to = Math.min(values.length, from + BLOCK)
    const { base, size } = frameOf(values, from, to)
    out.signed(base)
    const width = widthOf(size - 1)
    const bytes = packedBytes(to - from, width)
    if (bytesOf(to - from, size) < bytes) {
      out.byte(DIGITS + size - 1)
      packDigits(values, from, to, base, size, out.reserve(digitBytes(to - from, size)))
    } else {
      out.byte(width)
      pack(values, from, to, base, width, out.reserve(bytes))
    }
  }
}

function readBlocks(input: ByteReader, values: Float64Array, first: number): void {
  const { length } = values
  for (let from = first; from < length; from += BLOCK) {
    const to = Math.min(length, from + BLOCK)
    const base = input.signed()
    const form = input.byte()
    if (form > DIGITS) {
      const radix = form - DIGITS + 1
      unpackDigits(input.bytes(digitBytes(to - from, radix)), base, radix, values, from, to)
    } else unpack(input.bytes(packedBytes(to - from, form)), base, form, values, from, to)
  }
}
