import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { isHostError } from '../errors.ts'
import { type ArchiveLimits, archiveLimits, ratioFromBytes, tooLarge } from './archive-limits.ts'
import { malformed } from './tar-header.ts'
import { type ArchiveFile, readTar } from './tar-reader.ts'

const chunkBytes = 64 * 1024

/** What comes out, cut off as soon as it is more than permitted: a bomb is never unpacked further than that. */
async function* gunzip(archive: Uint8Array, limits: ArchiveLimits): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip({ chunkSize: chunkBytes })
  const source = Readable.from(slices(archive), { objectMode: false })
  source.pipe(unzip)
  let outBytes = 0
  try {
    for await (const chunk of unzip) {
      outBytes += chunk.length
      if (outBytes > limits.unpackedBytes) throw tooLarge(`it unpacks to more than ${limits.unpackedBytes} bytes`)
      if (outBytes > ratioFromBytes && outBytes > limits.ratio * archive.length)
        throw tooLarge(`it unpacks to more than ${limits.ratio} times its size`)
      yield chunk
    }
  } catch (error) {
    if (isHostError(error)) throw error
    throw malformed('it is not compressed with gzip, or its end is missing', error)
  } finally {
    source.destroy()
    unzip.destroy()
  }
}

function* slices(archive: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < archive.length; at += chunkBytes) yield archive.subarray(at, at + chunkBytes)
}

/** The files of a packed plugin, one after the other. Throws what is wrong with the archive where it is found. */
export async function* readArchive(
  archive: Uint8Array,
  limits: ArchiveLimits = archiveLimits,
): AsyncGenerator<ArchiveFile> {
  if (archive.length > limits.packedBytes) throw tooLarge(`it has more than ${limits.packedBytes} bytes`)
  yield* readTar(gunzip(archive, limits), limits)
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes the files into a folder that is empty and nobody else's; on disk when this resolves. Nothing is executable, nothing is run. */
export async function unpackArchive(archive: Uint8Array, folder: string, limits?: ArchiveLimits): Promise<void> {
  const folders = new Set([folder])
  for await (const { path, bytes } of readArchive(archive, limits)) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    for (let up = dirname(target); up !== folder; up = dirname(up)) folders.add(up)
    // `wx`: a second file of one name is an error, whatever was thought of its name before.
    const file = await open(target, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  }
  for (const each of folders) await syncFolder(each)
}
