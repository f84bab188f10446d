/** Work under one key runs one after the other, work under different keys at the same time. */
export type KeyedTurns = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** `maxWaiting` pieces of work of one key, the one that runs among them; more are refused with what `full` makes. */
export function createKeyedTurns({
  maxWaiting,
  full,
}: {
  maxWaiting: number
  full: (key: string) => Error
}): KeyedTurns {
  const lines = new Map<string, { last: Promise<unknown>; length: number }>()
  return async (key, work) => {
    const line = lines.get(key) ?? { last: Promise.resolve(), length: 0 }
    if (line.length >= maxWaiting) throw full(key)
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
