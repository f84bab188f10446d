/** So many in a second, and no more at once. */
export interface Allowance {
  /** 0: one may go now, and is counted; else the milliseconds until then. */
  take(): number
}

export function createAllowance(perSecond: number, nowMs: () => number = () => performance.now()): Allowance {
  let left = perSecond
  let atMs = nowMs()
  return {
    take() {
      if (perSecond === Number.POSITIVE_INFINITY) return 0
      const now = nowMs()
      left = Math.min(perSecond, left + ((now - atMs) / 1000) * perSecond)
      atMs = now
      if (left < 1) return Math.ceil(((1 - left) / perSecond) * 1000)
      left -= 1
      return 0
    },
  }
}
