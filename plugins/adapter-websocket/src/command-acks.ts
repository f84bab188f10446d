import type { RefusedError } from '@patchbay/sdk'
import { refuse } from './errors.ts'

/** More commands than may be open for a device never wait here. */
const maxWaiting = 200

/** Commands that were written and that the client has not acknowledged yet. */
export function createCommandAcks() {
  const waiting = new Map<number, { resolve: () => void; reject: (why: RefusedError) => void }>()
  let last = 0
  return {
    add(): { mid: number; acknowledged: Promise<void> } {
      const mid = ++last
      if (waiting.size >= maxWaiting) {
        const [oldest] = waiting
        if (oldest) {
          waiting.delete(oldest[0])
          oldest[1].reject(refuse('WS_READS_TOO_SLOWLY', 'The client does not acknowledge its commands.'))
        }
      }
      const acknowledged = new Promise<void>((resolve, reject) => waiting.set(mid, { resolve, reject }))
      return { mid, acknowledged }
    },
    settle(mid: number): void {
      waiting.get(mid)?.resolve()
      waiting.delete(mid)
    },
    /** The connection has gone: what was not acknowledged is not delivered. */
    close(why: RefusedError): void {
      for (const { reject } of waiting.values()) reject(why)
      waiting.clear()
    },
  }
}
