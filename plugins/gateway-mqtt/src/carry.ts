import type { Socket } from 'node:net'
import { bulkBytes } from './limits.ts'
import { readInto } from './own-reads.ts'
import type { ReadBuffers } from './read-buffers.ts'

/** One direction of a connection. */
export interface Direction {
  from: Socket
  to: Socket
  buffers: ReadBuffers
  onBytes(length: number): void
  /** `to` does not take its bytes: reading has stopped until it has drained. */
  onStall(): void
}

/**
 * Writes what `from` reads to `to`, and stops the reading while `to` does not take it. Small reads are copied out of the one buffer that all
 * sockets share. A read of much is the sign of more: the next ones go to a buffer of the direction's own, which is written as it is, and
 * not read into again before that has ended.
 */
export function carry({ from, to, buffers, onBytes, onStall }: Direction): void {
  const { shared } = buffers
  /** What is read into now; undefined = the shared one. */
  let own: Buffer | undefined
  /** Written, and not wholly gone yet. */
  let busy: Buffer[] = []
  let isMuch = false

  // Called at the end of every write of an own buffer, so that a direction which falls silent keeps none.
  const settle = (): void => {
    if (busy.length === 0 || to.destroyed || to.writableLength > 0) return
    for (const buffer of busy) buffers.giveBack(buffer)
    busy = []
  }
  const take = (length: number, buffer: Buffer): boolean => {
    onBytes(length)
    isMuch = length >= bulkBytes
    if (buffer === shared) {
      // From the pool, as long as the kernel takes it: memory of its own for each message costs more than the rest. What has to wait must
      // not keep a whole slab of the pool for itself.
      const copy = to.writableLength === 0 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length)
      buffer.copy(copy, 0, 0, length)
      to.write(copy)
    } else to.write(buffer.subarray(0, length), settle)
    // What the kernel took at once has left the buffer.
    if (to.writableLength === 0) return true
    if (buffer !== shared) {
      busy.push(buffer)
      own = undefined
    }
    if (!to.writableNeedDrain) return true
    onStall()
    return false
  }
  const next = (): Buffer => {
    if (isMuch) own ??= buffers.take()
    else if (own) {
      buffers.giveBack(own)
      own = undefined
    }
    return own ?? shared
  }
  const release = (): void => {
    if (own) buffers.giveBack(own)
    own = undefined
    isMuch = false
    settle()
    for (const _ of busy) buffers.abandon()
    busy = []
  }
  if (readInto(from, shared, take, next)) return void from.once('close', release)
  from.on('data', (chunk: Buffer) => {
    onBytes(chunk.length)
    if (to.write(chunk)) return
    onStall()
    from.pause()
  })
}
