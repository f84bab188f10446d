export const backOff = { firstMs: 5_000, mostMs: 3_600_000, spread: 0.2 } as const

/** The wait after the n-th try: twice as long each time, up to an hour, a little different for everybody so that not all come back at once. */
export const toBackOffMs = (attempt: number, random: () => number): number => {
  const ms = Math.min(backOff.mostMs, backOff.firstMs * 2 ** Math.min(attempt - 1, 20))
  return Math.round(ms * (1 + (random() * 2 - 1) * backOff.spread))
}
