import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { CodecDamaged } from './codec-damaged.ts'
import { readFlags, writeFlags } from './flags.ts'
import type { Column, Frame } from './frame.ts'
import { readIntegers, writeIntegers } from './integers.ts'
import { readValues, writeValues } from './values.ts'

const VERSION = 1

/** A frame whose columns are read when they are asked for. */
export interface FrameBytes {
  at: Float64Array
  seq: Float64Array
  series: number[]
  column(series: number): Column | undefined
}

/** Writes a frame: the times and numbers once for all series, then each series by itself. */
export function writeFrame({ at, seq, columns }: Frame): Uint8Array {
  const out = new ByteWriter()
  out.byte(VERSION)
  out.unsigned(at.length)
  writeIntegers(out, at)
  writeIntegers(out, seq)
  out.unsigned(columns.length)
  const bodies = columns.map(({ present, values }) => {
    const body = new ByteWriter()
    writeFlags(body, present)
    writeValues(body, values)
    return body.done()
  })
  let before = 0
  for (const [i, { series }] of columns.entries()) {
    out.signed(series - before)
    out.unsigned(bodies[i]?.length ?? 0)
    before = series
  }
  for (const body of bodies) out.bytes(body)
  return out.done()
}

export function openFrame(bytes: Uint8Array): FrameBytes {
  const input = new ByteReader(bytes)
  const version = input.byte()
  if (version !== VERSION) throw new CodecDamaged(`no such version of a frame: ${version}`)
  const length = input.unsigned()
  const at = readIntegers(input, length)
  const seq = readIntegers(input, length)
  const lengths = new Map<number, number>()
  let series = 0
  for (let left = input.unsigned(); left > 0; left--) {
    series += input.signed()
    lengths.set(series, input.unsigned())
  }
  const bodies = new Map([...lengths].map(([each, size]) => [each, input.bytes(size)]))
  const read = new Map<number, Column>()
  return {
    at,
    seq,
    series: [...lengths.keys()],
    column(wanted) {
      const known = read.get(wanted)
      if (known) return known
      const body = bodies.get(wanted)
      if (!body) return undefined
      const column = readColumn(wanted, new ByteReader(body), length)
      read.set(wanted, column)
      return column
    },
  }
}

function readColumn(series: number, input: ByteReader, length: number): Column {
  const present = readFlags(input, length)
  return {
    series,
    present,
    values: readValues(
      input,
      present.reduce((sum, flag) => sum + flag, 0),
    ),
  }
}

/** All of a frame at once. */
export function readFrame(bytes: Uint8Array): Frame {
  const { at, seq, series, column } = openFrame(bytes)
  return { at, seq, columns: series.flatMap((each) => column(each) ?? []) }
}
