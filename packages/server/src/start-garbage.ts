import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** A thread's own start, and what is asked of it in the platform's, is over by then. */
const threadStartMs = 3_000

/**
 * Collects what the start has left behind, once. A process with little to do would keep it for good: V8 looks again only when the heap
 * has grown, and until then some 25 MB that nobody needs stay resident. The pause is that of one full collection.
 */
export function collectStartGarbage(): void {
  setFlagsFromString('--expose-gc')
  collect()
}

/** The same for a thread, a while after its start. The flag is the main thread's to set: flags belong to the whole process. */
export function collectStartGarbageLater(): void {
  setTimeout(collect, threadStartMs).unref()
}

function collect(): void {
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined')
  if (typeof gc === 'function') gc()
}
