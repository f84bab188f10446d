import { packedBytes } from './bit-pack.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

const forms = { allClear: 0, allSet: 1, mixed: 2 } as const

/** Writes a column of 0 and 1 as bits, or as one byte when all are the same. */
export function writeFlags(out: ByteWriter, flags: Uint8Array): void {
  let set = 0
  for (const flag of flags) set += flag
  if (set === 0 || set === flags.length) {
    out.byte(set === 0 ? forms.allClear : forms.allSet)
    return
  }
  out.byte(forms.mixed)
  const bits = out.reserve(packedBytes(flags.length, 1))
  for (const [i, flag] of flags.entries()) if (flag) bits[i >>> 3] = (bits[i >>> 3] ?? 0) | (1 << (i & 7))
}

export function readFlags(input: ByteReader, length: number): Uint8Array {
  const form = input.byte()
  const flags = new Uint8Array(length)
  if (form !== forms.mixed) return form === forms.allSet ? flags.fill(1) : flags
  const bits = input.bytes(packedBytes(length, 1))
  for (let i = 0; i < length; i++) flags[i] = ((bits[i >>> 3] ?? 0) >>> (i & 7)) & 1
  return flags
}
