/** A turn of the loop that took longer than this is too long for everybody; one that took less than the other leaves room. */
const longTurnMs = 20
const shortTurnMs = 6
const leastItems = 32
const mostItems = 512
const step = 16

/** How much may be done in one turn of the loop, by how long the turns before it took: whatever made them long, there is less to add then. */
export interface TurnBudget {
  readonly items: number
  /** What the turn may do that begins now, after one that took so long. */
  next(tookMs: number): number
}

export function createTurnBudget(): TurnBudget {
  let items = 64
  return {
    get items() {
      return items
    },
    next(tookMs) {
      if (tookMs > longTurnMs) items = Math.max(leastItems, items >> 1)
      else if (tookMs < shortTurnMs) items = Math.min(mostItems, items + step)
      return items
    },
  }
}
