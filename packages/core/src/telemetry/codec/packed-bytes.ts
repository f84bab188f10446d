import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

/** Shorter bytes are not worth what opening them costs: some microseconds, be they ever so few. */
const MIN_BYTES = 256
/** Compressed bytes are kept only when they are this much shorter: reading them costs time. */
const WORTH = 0.9

/** Writes bytes with their length, compressed only where that pays. */
export function writeBytes(out: ByteWriter, bytes: Uint8Array): void {
  const packed = bytes.length < MIN_BYTES ? undefined : zstdCompressSync(bytes)
  const pays = packed !== undefined && packed.length < bytes.length * WORTH
  const kept = pays ? packed : bytes
  out.unsigned(kept.length * 2 + (pays ? 1 : 0))
  out.bytes(kept)
}

export function readBytes(input: ByteReader): Uint8Array {
  const head = input.unsigned()
  const bytes = input.bytes(Math.floor(head / 2))
  return head % 2 === 1 ? zstdDecompressSync(bytes) : bytes
}
