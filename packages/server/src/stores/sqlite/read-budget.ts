import { ReadTooLarge } from '@patchbay/core/telemetry/read-too-large'

/** Rows that one read may look at, a minute of work or so. */
export const MAX_ROWS_SCANNED = 20_000_000
/** Rows after which a read lets the others have their turn and sees whether its caller is still there: a few milliseconds. */
export const ROWS_PER_TURN = 5_000

/** What one read has used up. */
export class ReadBudget {
  readonly #maxRows: number
  #rows = 0
  #sinceTurn = 0

  constructor(maxRows = MAX_ROWS_SCANNED) {
    this.#maxRows = maxRows
  }

  spend(rows: number): void {
    this.#rows += rows
    this.#sinceTurn += rows
    if (this.#rows > this.#maxRows) {
      throw new ReadTooLarge(`the read looks at more than ${this.#maxRows} points; ask for less time or fewer keys`)
    }
  }

  /** Whether it is time to pause; begins the next turn if so. */
  turnOver(): boolean {
    if (this.#sinceTurn < ROWS_PER_TURN) return false
    this.#sinceTurn = 0
    return true
  }
}
