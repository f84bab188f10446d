import { kinds } from '../port.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { readFlags, writeFlags } from './flags.ts'
import { readNumbers, writeNumbers } from './numbers.ts'
import { readBytes, writeBytes } from './packed-bytes.ts'
import { readTexts, writeTexts } from './texts.ts'

/** Values of one key. A boolean is 0 or 1; text and JSON are texts. */
export interface Values {
  kind: Uint8Array
  value: (number | string)[]
}

const MIXED = 0xff

/** Writes values of any kinds: each kind's in the form that suits it. */
export function writeValues(out: ByteWriter, { kind, value }: Values): void {
  const only = kind[0] ?? kinds.number
  const mixed = kind.some((each) => each !== only)
  out.byte(mixed ? MIXED : only)
  if (mixed) writeBytes(out, kind)
  for (const each of mixed ? Object.values(kinds) : [only]) {
    const own = mixed ? value.filter((_, i) => kind[i] === each) : value
    if (each === kinds.number) writeNumbers(out, Float64Array.from(own, Number))
    else if (each === kinds.boolean) writeFlags(out, Uint8Array.from(own, Number))
    else writeTexts(out, own.map(String))
  }
}

export function readValues(input: ByteReader, length: number): Values {
  const only = input.byte()
  if (only !== MIXED) return { kind: new Uint8Array(length).fill(only), value: readKind(input, only, length) }
  const kind = Uint8Array.from(readBytes(input))
  const next = Object.values(kinds).map((each) => {
    const values = readKind(
      input,
      each,
      kind.reduce((count, own) => count + (own === each ? 1 : 0), 0),
    )
    return values.values()
  })
  return { kind, value: Array.from(kind, (each) => next[each]?.next().value ?? 0) }
}

function readKind(input: ByteReader, kind: number, length: number): (number | string)[] {
  if (kind === kinds.number) return Array.from(readNumbers(input, length))
  if (kind === kinds.boolean) return Array.from(readFlags(input, length))
  return readTexts(input, length)
}
