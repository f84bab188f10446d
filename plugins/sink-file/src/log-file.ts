import { open, rename, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/** Read at once when the end of a file is looked for. */
const tailBytes = 64 * 1024

export interface LogFile {
  /** Durable when resolved. Rejects, and then nothing of it is there. */
  append(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

export interface LogFileOptions {
  folder: string
  /** `jsonl` or `csv`. */
  ending: string
  head: string
  rotateBytes: number
  rotateMs: number
  nowMs(): number
  /** A file was ended. */
  ended(): void
}

const currentOf = (ending: string): string => `current.${ending}`

/** Of files that were ended: when, and a number that grows. */
export const isEnded = (ending: string) => {
  const pattern = new RegExp(`^\\d{8}T\\d{6}Z-\\d{6,}\\.${ending}(\\.gz)?$`)
  return (name: string): boolean => pattern.test(name)
}
const numberOf = (name: string): number => Number(/-(\d+)\./.exec(name)?.[1] ?? 0)

/** Where the last whole line ends: a death may have cut the one after it. */
async function wholeBytes(file: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.alloc(tailBytes)
  for (let end = size; end > 0; end -= tailBytes) {
    const begin = Math.max(0, end - tailBytes)
    const { bytesRead } = await file.read(buffer, 0, end - begin, begin)
    const at = buffer.subarray(0, bytesRead).lastIndexOf(10)
    if (at >= 0) return begin + at + 1
  }
  return 0
}

/** A file that grows by whole lines, and is ended by size or age. Calls come one after the other. */
export async function openLogFile(options: LogFileOptions): Promise<LogFile> {
  const { folder, ending, head, nowMs } = options
  const path = join(folder, currentOf(ending))
  let number = Math.max(0, ...(await readdir(folder)).map(numberOf))
  let file: FileHandle
  let size = 0
  let bornMs = nowMs()

  const syncFolder = async (): Promise<void> => {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  const begin = async (): Promise<void> => {
    file = await open(path, 'a+', 0o600)
    const { size: found, birthtimeMs } = await file.stat()
    size = await wholeBytes(file, found)
    if (size < found) await file.truncate(size)
    bornMs = found === 0 ? nowMs() : Math.min(birthtimeMs, nowMs())
    if (size === 0 && head !== '') await write(Buffer.from(head))
    await syncFolder()
  }

  const write = async (bytes: Uint8Array): Promise<void> => {
    try {
      for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done, bytes.length - done)).bytesWritten
      await file.datasync()
      size += bytes.length
    } catch (error) {
      // Half a batch must not stay: the whole comes again.
      await file.truncate(size)
      throw error
    }
  }

  const rotate = async (): Promise<void> => {
    await file.close()
    number += 1
    const stamp = new Date(nowMs()).toISOString().replaceAll(/[-:]|\.\d+/g, '')
    await rename(path, join(folder, `${stamp}-${String(number).padStart(6, '0')}.${ending}`))
    await begin()
    options.ended()
  }

  await begin()
  return {
    async append(bytes) {
      const isOld = nowMs() - bornMs >= options.rotateMs && size > head.length
      if (isOld || (size > head.length && size + bytes.length > options.rotateBytes)) await rotate()
      await write(bytes)
    },
    close: () => file.close(),
  }
}
