import { limits } from './limits.ts'

/** Counts the datagrams of each address: a bucket that fills at the permitted rate and holds two seconds of it. */
export function createSourceRate(now: () => number, perSecond: number) {
  const buckets = new Map<string, { left: number; atMs: number }>()
  const most = perSecond * 2

  return {
    /** False = too many: not even looked at. */
    admits(address: string): boolean {
      const nowMs = now()
      let bucket = buckets.get(address)
      if (!bucket) {
        for (const oldest of buckets.keys()) {
          if (buckets.size < limits.countedAddresses) break
          buckets.delete(oldest)
        }
        bucket = { left: most, atMs: nowMs }
        buckets.set(address, bucket)
      }
      bucket.left = Math.min(most, bucket.left + ((nowMs - bucket.atMs) * perSecond) / 1000)
      bucket.atMs = nowMs
      if (bucket.left < 1) return false
      bucket.left--
      return true
    },
    get size() {
      return buckets.size
    },
  }
}
