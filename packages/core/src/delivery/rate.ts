const slots = 12
const slotMs = 5000

/** How many in a second, over the last minute. */
export interface Rate {
  add(count: number, nowMs: number): void
  of(nowMs: number): number
}

export function createRate(): Rate {
  const counts = Array<number>(slots).fill(0)
  let current = 0
  const advance = (nowMs: number): void => {
    const slot = Math.floor(nowMs / slotMs)
    for (let next = Math.max(current + 1, slot - slots + 1); next <= slot; next++) counts[next % slots] = 0
    current = Math.max(current, slot)
  }
  return {
    add(count, nowMs) {
      advance(nowMs)
      counts[current % slots] = (counts[current % slots] ?? 0) + count
    },
    of(nowMs) {
      advance(nowMs)
      return counts.reduce((sum, count) => sum + count, 0) / ((slots * slotMs) / 1000)
    },
  }
}
