import type { RefusedError, Settle } from '@patchbay/contracts/session'

/** Settles messages whose outcome is known at once: never inside `push`, and in the order of the pushes. */
export type SettleLater = (settle: Settle, refused: RefusedError | undefined) => void

export function createSettleLater(onFault: (error: unknown) => void): SettleLater {
  let settles: Settle[] = []
  let outcomes: (RefusedError | undefined)[] = []

  function run(): void {
    const [due, with_] = [settles, outcomes]
    settles = []
    outcomes = []
    for (const [i, settle] of due.entries()) {
      try {
        settle(with_[i])
      } catch (error) {
        onFault(error)
      }
    }
  }

  return (settle, refused) => {
    if (settles.length === 0) queueMicrotask(run)
    settles.push(settle)
    outcomes.push(refused)
  }
}
