import { type ArchiveLimits, tooLarge } from './archive-limits.ts'
import { createNameGuard, toArchivePath } from './archive-path.ts'
import { type Pax, readPax } from './pax.ts'
import { blockBytes, isEnd, malformed, readTarHeader } from './tar-header.ts'

/** A file of an archive, whole: its size was checked before it was read. */
export interface ArchiveFile {
  path: string
  bytes: Buffer
}

/** Exactly so many bytes of a stream; undefined when it ended before the first. */
type Take = (count: number) => Promise<Buffer | undefined>

const createTake = (source: AsyncIterable<Uint8Array>): Take => {
  const chunks = source[Symbol.asyncIterator]()
  let rest = Buffer.alloc(0)
  return async (count) => {
    const parts = [rest]
    let have = rest.length
    while (have < count) {
      const next = await chunks.next()
      if (next.done === true) break
      parts.push(Buffer.from(next.value))
      have += next.value.length
    }
    const all = parts.length === 1 ? rest : Buffer.concat(parts)
    if (all.length < count) {
      if (all.length === 0) return undefined
      throw malformed('it ends in the middle of an entry')
    }
    rest = all.subarray(count)
    return all.subarray(0, count)
  }
}

const padded = (bytes: number): number => Math.ceil(bytes / blockBytes) * blockBytes

const readContent = async (take: Take, sizeBytes: number): Promise<Buffer> => {
  if (sizeBytes === 0) return Buffer.alloc(0)
  const blocks = await take(padded(sizeBytes))
  if (blocks === undefined) throw malformed('it ends before the content of an entry')
  return blocks.subarray(0, sizeBytes)
}

/** After the end only zeros may follow: what hides behind it, another reader might find. */
const assertNothingFollows = async (take: Take): Promise<void> => {
  let block = await take(blockBytes)
  if (block === undefined) throw malformed('its end is missing')
  for (; block !== undefined; block = await take(blockBytes))
    if (!isEnd(block)) throw malformed('something follows its end')
}

/** The files of a tar stream, strictly: whatever is not a plain file in a plain place ends the reading with a refusal. */
export async function* readTar(source: AsyncIterable<Uint8Array>, limits: ArchiveLimits): AsyncGenerator<ArchiveFile> {
  const take = createTake(source)
  const guard = createNameGuard()
  let pax: Pax | undefined
  for (let entries = 0; ; entries += 1) {
    if (entries > limits.entries) throw tooLarge(`it has more than ${limits.entries} entries`)
    const block = await take(blockBytes)
    if (block === undefined) throw malformed('its end is missing')
    if (isEnd(block)) {
      if (pax) throw malformed('an extended header has no entry')
      return assertNothingFollows(take)
    }
    const header = readTarHeader(block)
    if (header.kind === 'pax' || header.kind === 'pax-global') {
      if (header.sizeBytes > limits.paxBytes) throw tooLarge(`an extended header has over ${limits.paxBytes} bytes`)
      const read = readPax(await readContent(take, header.sizeBytes))
      if (header.kind === 'pax') {
        if (pax) throw malformed('two extended headers follow each other')
        pax = read
      } else if (read.path !== undefined || read.sizeBytes !== undefined)
        throw malformed('an extended header names or sizes all entries at once')
      continue
    }
    const sizeBytes = pax?.sizeBytes ?? header.sizeBytes
    const path = toArchivePath(pax?.path ?? header.path)
    pax = undefined
    if (sizeBytes > limits.fileBytes)
      throw tooLarge(`a file of it has ${sizeBytes} bytes, more than ${limits.fileBytes}`)
    if (header.kind === 'folder') {
      if (sizeBytes !== 0) throw malformed('a folder has content')
      if (path !== undefined) guard(path, 'folder')
      continue
    }
    if (path === undefined) throw malformed('the folder that holds the package is a file')
    guard(path, 'file')
    yield { path, bytes: await readContent(take, sizeBytes) }
  }
}
