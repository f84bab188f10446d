import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { frameLength, ofFrame } from './message-frame.ts'

/** A file of the queue: messages with consecutive numbers, the first of which is its name. */
export interface Segment {
  readonly path: string
  readonly first: number
  /** Whole frames that are safe on the disk. */
  bytes: number
  /** Number of the last of them; `first - 1` when there are none. */
  last: number
}

const ending = '.queue'
const digits = 16
/** One read of a file. */
const chunkBytes = 1024 * 1024

const segmentPath = (folder: string, first: number): string =>
  join(folder, `${String(first).padStart(digits, '0')}${ending}`)

const sync = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A new and empty one, which is there after a crash, too. */
export async function makeSegment(folder: string, first: number, durable: boolean): Promise<[Segment, FileHandle]> {
  const path = segmentPath(folder, first)
  const handle = await open(path, 'a')
  if (durable) await sync(folder)
  return [{ path, first, bytes: 0, last: first - 1 }, handle]
}

/** Files in the order of their numbers. Only the last one can end in a torn frame, and is read. */
export async function listSegments(folder: string): Promise<Segment[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending) && /^\d{16}\./.test(name)).toSorted()
  const segments: Segment[] = []
  for (const [index, name] of names.entries()) {
    const first = Number(name.slice(0, digits))
    const path = join(folder, name)
    const { size } = await stat(path)
    const next = names[index + 1]
    const segment = { path, first, bytes: size, last: Number(next?.slice(0, digits)) - 1 }
    if (next === undefined) await measure(segment)
    segments.push(segment)
  }
  return segments
}

/** Hands out frame after frame from a place on, and stops where `visit` says false, or a frame is torn. Answers the place behind the last one. */
export async function walkFrames(
  { path }: Pick<Segment, 'path'>,
  from: number,
  end: number,
  visit: (frame: Buffer) => boolean,
): Promise<number> {
  const handle = await open(path, 'r')
  try {
    let place = from
    let size = chunkBytes
    while (place < end) {
      const wanted = Math.min(size, end - place)
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, place)
      const chunk = buffer.subarray(0, bytesRead)
      let at = 0
      for (let length = frameLength(chunk, 0); length !== undefined; length = frameLength(chunk, at)) {
        if (at + length > chunk.length) break
        if (!visit(chunk.subarray(at, at + length))) return place + at
        at += length
      }
      size = chunkBytes
      if (at === 0) {
        const length = frameLength(chunk, 0)
        // Neither a whole frame nor the promise of one: what is there was torn.
        if (length === undefined || bytesRead < wanted || length <= wanted || length > end - place) return place
        size = length
      }
      place += at
    }
    return place
  } finally {
    await handle.close()
  }
}

/** Counts what is whole in a file that a process before this one has written to. */
async function measure(segment: Segment): Promise<void> {
  let last = segment.first - 1
  segment.bytes = await walkFrames(segment, 0, segment.bytes, (frame) => {
    if (!ofFrame(frame)) return false
    last += 1
    return true
  })
  segment.last = last
}
