import { median } from '../table.ts'

const lookEveryMs = 1000
const minuteMs = 60_000

/** Memory over time: one look a second. */
export interface MemoryCurve {
  /** The middle of the first minute and of the last; of a third each when there are no two minutes. */
  ends(): { firstKib: number; lastKib: number }
  stop(): void
}

export function watchMemory(look: () => number, onMinute: (minute: number, kib: number) => void): MemoryCurve {
  const looks = [look()]
  const perMinute = minuteMs / lookEveryMs
  const timer = setInterval(() => {
    looks.push(look())
    if (looks.length % perMinute === 0) onMinute(looks.length / perMinute, median(looks.slice(-perMinute)) ?? 0)
  }, lookEveryMs)
  return {
    ends: () => toEnds(looks, perMinute),
    stop: () => clearInterval(timer),
  }
}

export function toEnds(looks: readonly number[], perMinute: number): { firstKib: number; lastKib: number } {
  const width = Math.max(1, Math.min(perMinute, Math.floor(looks.length / 3)))
  return { firstKib: median(looks.slice(0, width)) ?? 0, lastKib: median(looks.slice(-width)) ?? 0 }
}
