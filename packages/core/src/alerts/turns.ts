import { StoreUnavailable } from '../store-unavailable.ts'
import { alertLimits } from './limits.ts'

/** Work under one key runs one after the other, work under different keys at the same time. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>

export function createKeyedTurns(): Turns {
  const lines = new Map<string, { last: Promise<unknown>; length: number }>()
  return async (key, work) => {
    const line = lines.get(key) ?? { last: Promise.resolve(), length: 0 }
    if (line.length >= alertLimits.waitingWrites)
      throw new StoreUnavailable('too many changes of one alert are waiting')
    line.length++
    lines.set(key, line)
    const mine = line.last.then(work)
    // Whoever is next only waits for the end; a failure is this caller's.
    line.last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      if (--line.length === 0) lines.delete(key)
    }
  }
}
