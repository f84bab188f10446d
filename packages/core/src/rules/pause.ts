import type { Clock } from '../clock.ts'

/** Waits that the end of everything cuts short. */
export interface Pauses {
  wait(ms: number): Promise<void>
  readonly closed: boolean
  close(): void
}

export function createPauses(clock: Pick<Clock, 'after'>): Pauses {
  const waiting = new Set<() => void>()
  let closed = false
  return {
    wait(ms) {
      if (closed) return Promise.resolve()
      return new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done)
          cancel()
          resolve()
        }
        const cancel = clock.after(ms, done)
        waiting.add(done)
      })
    },
    get closed() {
      return closed
    },
    close() {
      closed = true
      for (const done of waiting) done()
    },
  }
}
