import { gzipSync } from 'node:zlib'
import type { ArchiveFile } from './tar-reader.ts'
import { blockBytes } from './tar-header.ts'

export interface TarEntry {
  path: string
  bytes?: Uint8Array
  /** As the header says it; a plain file when left out. */
  type?: string
  /** As the header says it, whatever the bytes are. */
  sizeBytes?: number
  link?: string
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0')

/** One entry of a tar archive in the ustar form, without owner and time: the same files make the same archive. */
export function toTarEntry({
  path,
  bytes = new Uint8Array(),
  type = '0',
  sizeBytes = bytes.length,
  link = '',
}: TarEntry): Buffer {
  const block = Buffer.alloc(blockBytes)
  block.write(path, 0, 100, 'latin1')
  block.write(
    `${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(sizeBytes, 11)}\0${octal(0, 11)}\0`,
    100,
    'latin1',
  )
  block.write(`        ${type}`, 148, 'latin1')
  block.write(link, 157, 100, 'latin1')
  block.write('ustar\u000000', 257, 'latin1')
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
    148,
    'latin1',
  )
  return Buffer.concat([block, bytes, Buffer.alloc((blockBytes - (bytes.length % blockBytes)) % blockBytes)])
}

export const toTar = (entries: readonly TarEntry[]): Buffer =>
  Buffer.concat([...entries.map(toTarEntry), Buffer.alloc(2 * blockBytes)])

/** Packs a plugin's files as `npm pack` does: in the folder `package`, sorted. */
export const packArchive = (files: readonly ArchiveFile[]): Buffer =>
  gzipSync(
    toTar(
      files
        .map(({ path, bytes }) => ({ path: `package/${path}`, bytes }))
        .toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    ),
  )
