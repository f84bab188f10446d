/**
 * Does some of the work side by side and answers in the order of the items. When one fails, or nobody asks any further, those under way are
 * waited for, so that nothing goes on behind the caller's back.
 */
export async function* inTurn<I, O>(
  items: AsyncIterable<I>,
  most: number,
  work: (item: I) => Promise<O>,
): AsyncGenerator<O> {
  const underWay: Promise<O>[] = []
  try {
    for await (const item of items) {
      const run = work(item)
      // Told when its turn comes.
      run.catch(() => undefined)
      underWay.push(run)
      const first = underWay[0]
      if (underWay.length < most || !first) continue
      yield await first
      void underWay.shift()
    }
    while (underWay[0]) {
      yield await underWay[0]
      void underWay.shift()
    }
  } finally {
    await Promise.allSettled(underWay)
  }
}
