import { createContext, Script } from 'node:vm'
import { TookTooLong } from './took-too-long.ts'

const box: { work: () => unknown } = { work: () => undefined }
const context = createContext(box)
const script = new Script('work()')
/** V8's clock goes on while the machine does something else: what was ended without having worked that long runs again. */
const tries = 4

/**
 * Runs synchronous work that may be hostile and ends it after `ms`: V8 stops it wherever it is, so it must be work that can be begun
 * again. A call costs some 50 µs, so it is not for every reading.
 */
export function runWithin(ms: number, work: () => void): void {
  box.work = work
  try {
    for (let left = tries; ; left--) {
      const before = process.threadCpuUsage()
      try {
        script.runInContext(context, { timeout: ms })
        return
      } catch (cause) {
        if (!isTimeout(cause)) throw cause
        const { user, system } = process.threadCpuUsage(before)
        if (left === 1 || user + system > ms * 700) throw new TookTooLong(`it took more than ${ms} ms`, { cause })
      }
    }
  } finally {
    box.work = () => undefined
  }
}

/** The error is made in the context, whose Error is not ours. */
const isTimeout = (cause: unknown): boolean =>
  typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
