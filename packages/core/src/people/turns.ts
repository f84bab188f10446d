/** Runs pieces of work one after the other, for checks that must hold until the write behind them. */
export const createTurns = (): (<T>(work: () => Promise<T>) => Promise<T>) => {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work)
    // The next in line does not care how this one ended; whoever asked for it is told by `mine`.
    last = mine.catch(() => undefined)
    return mine
  }
}
