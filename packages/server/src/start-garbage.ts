import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Collects what the start has left behind, once. A process with little to do would keep it for good: V8 looks again only when the heap
 * has grown, and until then some 25 MB that nobody needs stay resident. The pause is that of one full collection.
 */
export function collectStartGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect()
}
