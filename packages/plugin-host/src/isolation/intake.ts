import { createTurnBudget } from './turn-budget.ts'

/** What one plugin sent and the host has not come to. */
export interface Backlog {
  readonly waiting: boolean
  /** Takes so many messages at most, in the order in which they came; says how many it took. Must not throw. */
  take(most: number): number
}

export interface IntakeLane {
  /** Something came: it is taken now or in a later turn of the loop. */
  wake(): void
  close(): void
}

/** Takes what all plugins behind the boundary send: some of it in each turn of the loop, from one plugin after the other. */
export interface Intake {
  open(backlog: Backlog): IntakeLane
}

/** What one plugin may do before the next one comes. */
const share = 16

export function createIntake(): Intake {
  const budget = createTurnBudget()
  const row = new Set<Backlog>()
  let left = budget.items
  let turn: NodeJS.Immediate | undefined
  let beganMs = 0

  const expectTurn = (): void => {
    if (turn) return
    beganMs = performance.now()
    turn = setImmediate(takeTurn)
  }
  const takeTurn = (): void => {
    turn = undefined
    left = budget.next(performance.now() - beganMs)
    for (const backlog of row) {
      if (left <= 0) break
      left -= backlog.take(Math.min(share, left))
      // Whose turn it was comes last, now and in the next turn of the loop.
      if (row.delete(backlog) && backlog.waiting) row.add(backlog)
    }
    if (row.size > 0) expectTurn()
  }

  return {
    open: (backlog) => ({
      wake() {
        if (row.has(backlog)) return
        // Also when nothing is left to do: a new turn has a new budget.
        expectTurn()
        if (left > 0) left -= backlog.take(left)
        if (backlog.waiting) row.add(backlog)
      },
      close: () => void row.delete(backlog),
    }),
  }
}
