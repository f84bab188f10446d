import { maxOwnBuffers, readBytes } from './limits.ts'

/** What the gateway's sockets read into. */
export interface ReadBuffers {
  /** For all of them, as long as what they read is small: it is copied out before anybody else reads. */
  readonly shared: Buffer
  /** A buffer of its own for a direction that carries much; undefined = all are in use. */
  take(): Buffer | undefined
  /** Nothing reads from it or into it any more. */
  giveBack(buffer: Buffer): void
  /** Somebody may still use it: its place is free again, the buffer itself is left to the collector. */
  abandon(): void
  readonly lent: number
}

export function createReadBuffers(): ReadBuffers {
  const free: Buffer[] = []
  let lent = 0
  return {
    shared: Buffer.allocUnsafeSlow(readBytes),
    take() {
      if (lent >= maxOwnBuffers) return undefined
      lent += 1
      return free.pop() ?? Buffer.allocUnsafeSlow(readBytes)
    },
    giveBack(buffer) {
      lent -= 1
      free.push(buffer)
    },
    abandon: () => void (lent -= 1),
    get lent() {
      return lent
    },
  }
}
