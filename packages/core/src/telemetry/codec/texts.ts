import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { readIntegers, writeIntegers } from './integers.ts'
import { readBytes, writeBytes } from './packed-bytes.ts'

const encodings = { utf8: 0, utf16: 1 } as const

/** Writes texts: each different one once, then which of them stands where. */
export function writeTexts(out: ByteWriter, texts: readonly string[]): void {
  const places = new Map<string, number>()
  const which = new Float64Array(texts.length)
  for (const [i, text] of texts.entries()) {
    const place = places.get(text) ?? places.size
    if (place === places.size) places.set(text, place)
    which[i] = place
  }
  const distinct = [...places.keys()]
  // UTF-8 has no form for half a surrogate pair, and such a text is to come back as it was.
  const utf16 = !distinct.every((text) => text.isWellFormed())
  const parts = distinct.map((text) => Buffer.from(text, utf16 ? 'utf16le' : 'utf8'))
  out.unsigned(distinct.length)
  if (distinct.length === 0) return
  out.byte(utf16 ? encodings.utf16 : encodings.utf8)
  writeIntegers(
    out,
    Float64Array.from(parts, (part) => part.length),
  )
  writeBytes(out, Buffer.concat(parts))
  writeIntegers(out, which)
}

export function readTexts(input: ByteReader, length: number): string[] {
  const count = input.unsigned()
  if (count === 0) return []
  const encoding = input.byte() === encodings.utf16 ? 'utf16le' : 'utf8'
  const lengths = readIntegers(input, count)
  const bytes = Buffer.from(readBytes(input))
  let at = 0
  const distinct = Array.from(lengths, (size) => bytes.toString(encoding, at, (at += size)))
  return Array.from(readIntegers(input, length), (place) => distinct[place] ?? '')
}
