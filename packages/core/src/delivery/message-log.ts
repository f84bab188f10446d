import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { refuse } from '../errors.ts'
import { deliveryLimits } from './limits.ts'
import { type KeptMessage, ofFrame, toFrame } from './message-frame.ts'
import { listSegments, makeSegment, type Segment, walkFrames } from './message-segment.ts'

export interface NumberedMessage {
  seq: number
  message: KeptMessage
  bytes: number
}

/** The queue of one bridge: messages in files of a folder of its own, numbered from 1 on. */
export interface MessageLog {
  /** Tells this queue from one that was here before. */
  readonly id: string
  /** The last message that is durable. */
  readonly end: number
  /** What lies on the disk. */
  readonly bytes: number
  /** More than so many bytes are not taken. */
  limitBytes: number
  /** Resolves with its number when it is durable; rejects with BRIDGE_QUEUE_FULL, at once. In the order of the calls. */
  append(message: KeptMessage): Promise<number>
  /** At most so many after a number, in order. `cursor` is behind all that was looked at. */
  read(after: number, limit: number): Promise<{ items: NumberedMessage[]; cursor: number }>
  /** Messages up to there are not needed any more. */
  drop(upTo: number): Promise<void>
  /** Called when something was appended. */
  hear(onAppend: () => void): void
  close(): Promise<void>
}

const idFile = 'id'

async function readId(folder: string): Promise<string> {
  const known = await readFile(join(folder, idFile), 'utf8').catch(() => '')
  if (known !== '') return known
  const id = randomUUID()
  const fresh = join(folder, `${idFile}.new`)
  await writeFile(fresh, id, { mode: 0o600, flush: true })
  await rename(fresh, join(folder, idFile))
  return id
}

/** Opens the queue with what it had. A message that was torn by a crash was never acknowledged, and is cut off. */
export async function openMessageLog({
  folder,
  limitBytes,
  durable,
  onFault,
}: {
  folder: string
  limitBytes: number
  /** false: nothing waits for the disk. */
  durable: boolean
  onFault: (error: unknown) => void
}): Promise<MessageLog> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const id = await readId(folder)
  const segments = await listSegments(folder)
  let current = segments.at(-1)
  let handle: FileHandle
  if (current) {
    handle = await open(current.path, 'r+')
    await handle.truncate(current.bytes)
  } else {
    const made = await makeSegment(folder, 1, durable)
    ;[current, handle] = made
    segments.push(current)
  }
  let writing = current
  /** What a write that failed may have left behind the last good frame. */
  let isTorn = false
  let end = writing.last
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  let pendingBytes = 0
  let pending: { frame: Buffer; resolve: (seq: number) => void; reject: (error: unknown) => void }[] = []
  let flushing: Promise<void> | undefined
  let onAppend = (): void => undefined
  /** Where the last read stopped: its next one begins there without a search. */
  let found: { segment: Segment; after: number; place: number } | undefined

  const rollBytes = (): number => Math.min(deliveryLimits.segmentBytes, log.limitBytes / 8)

  async function roll(): Promise<void> {
    const [next, opened] = await makeSegment(folder, end + 1, durable)
    await handle.close()
    handle = opened
    writing = next
    segments.push(next)
  }

  async function write(batch: typeof pending): Promise<void> {
    if (isTorn) {
      await handle.truncate(writing.bytes)
      isTorn = false
    }
    if (writing.bytes >= rollBytes()) await roll()
    const joined = Buffer.concat(batch.map(({ frame }) => frame))
    isTorn = true
    for (let at = 0; at < joined.length;)
      at += (await handle.write(joined, at, joined.length - at, writing.bytes + at)).bytesWritten
    if (durable) await handle.datasync()
    isTorn = false
    writing.bytes += joined.length
    writing.last += batch.length
    end = writing.last
    bytes += joined.length
  }

  async function flush(): Promise<void> {
    while (pending.length > 0) {
      const batch = pending
      pending = []
      try {
        await write(batch)
        let seq = end - batch.length
        for (const { resolve } of batch) resolve(++seq)
        onAppend()
      } catch (cause) {
        onFault(cause)
        const refused = refuse('STORE_UNAVAILABLE', 'The queue of a bridge cannot be written.', { cause })
        for (const { reject } of batch) reject(refused)
      } finally {
        for (const { frame } of batch) pendingBytes -= frame.length
      }
    }
    flushing = undefined
  }

  const written = async (): Promise<void> => {
    if (!flushing) return
    await flushing
    await written()
  }

  const log: MessageLog = {
    id,
    get end() {
      return end
    },
    get bytes() {
      return bytes
    },
    limitBytes,
    append(message) {
      const frame = toFrame(message)
      if (bytes + pendingBytes + frame.length > log.limitBytes) return Promise.reject(refuse('BRIDGE_QUEUE_FULL'))
      pendingBytes += frame.length
      return new Promise((resolve, reject) => {
        pending.push({ frame, resolve, reject })
        flushing ??= Promise.resolve().then(flush)
      })
    },
    async read(after, limit) {
      const segment = segments.find(({ last }) => last > after)
      if (!segment) return { items: [], cursor: Math.max(after, end) }
      const known = found?.segment === segment && found.after === after ? found.place : 0
      let seq = known > 0 ? after : segment.first - 1
      const items: NumberedMessage[] = []
      const { last } = segment
      let size = 0
      let isFull = false
      const place = await walkFrames(segment, known, segment.bytes, (frame) => {
        isFull = items.length >= limit || size >= deliveryLimits.batchBytes || seq >= last
        if (isFull) return false
        seq += 1
        if (seq <= after) return true
        const message = ofFrame(frame)
        size += frame.length
        // A frame that has changed on the disk is left out; the engine counts the number that is missing.
        if (message) items.push({ seq, message, bytes: frame.length })
        return true
      })
      // What follows a frame whose length has changed cannot be found; the next file can.
      if (seq < last && !isFull) return { items, cursor: last }
      found = { segment, after: seq, place }
      return { items, cursor: Math.max(seq, after) }
    },
    async drop(upTo) {
      // All of it has gone: a new file, so that the old one can go, too. There is always one, which knows the number.
      if (upTo >= end && writing.bytes >= rollBytes() / 8 && !flushing) {
        flushing = roll().catch(onFault).then(flush)
        await flushing
      }
      while (segments[0] && segments[0] !== writing && segments[0].last <= upTo) {
        const gone = segments.shift()
        if (!gone) break
        bytes -= gone.bytes
        await unlink(gone.path).catch(onFault)
      }
    },
    hear(next) {
      onAppend = next
    },
    async close() {
      await written()
      await handle.close()
    },
  }
  return log
}
