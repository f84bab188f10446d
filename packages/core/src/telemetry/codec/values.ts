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
  value: ArrayLike<number | string>
}

const MIXED = 0xff

/** Writes values of any kinds: each kind's in the form that suits it. */
export function writeValues(out: ByteWriter, { kind, value }: Values): void {
  const only = kind[0] ?? kinds.number
  const mixed = kind.some((each) => each !== only)
  out.byte(mixed ? MIXED : only)
  if (mixed) writeBytes(out, kind)
  for (const each of mixed ? Object.values(kinds) : [only]) {
    const own = mixed ? Array.from(value).filter((_, i) => kind[i] === each) : value
    if (each === kinds.number) writeNumbers(out, toNumbers(own))
    else if (each === kinds.boolean) writeFlags(out, Uint8Array.from(toNumbers(own)))
    else writeTexts(out, Array.from(own, String))
  }
}

export function readValues(input: ByteReader, length: number): Values {
  const only = input.byte()
  if (only !== MIXED) return { kind: new Uint8Array(length).fill(only), value: readKind(input, only, length) }
  const kind = Uint8Array.from(readBytes(input))
  const own = Object.values(kinds).map((each) => {
    let count = 0
    for (const other of kind) if (other === each) count += 1
    return { values: readKind(input, each, count), next: 0 }
  })
  const value = Array.from(kind, (each) => {
    const source = own[each]
    return source?.values[source.next++] ?? 0
  })
  return { kind, value }
}

function readKind(input: ByteReader, kind: number, length: number): ArrayLike<number | string> {
  if (kind === kinds.number) return readNumbers(input, length)
  if (kind === kinds.boolean) return readFlags(input, length)
  return readTexts(input, length)
}

function toNumbers(values: ArrayLike<number | string>): Float64Array {
  if (values instanceof Float64Array) return values
  const numbers = new Float64Array(values.length)
  for (let i = 0; i < numbers.length; i++) {
    const value = values[i]
    numbers[i] = typeof value === 'number' ? value : 0
  }
  return numbers
}
