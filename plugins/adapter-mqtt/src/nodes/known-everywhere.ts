import { storeUnavailable } from '../errors.ts'
import { isAtOrAfter } from './answers.ts'

/** A node that does not apply changes is dead by then, and known to be. */
const patienceMs = 15_000

interface Waiting {
  place: string
  lives: Set<string>
  resolve(): void
}

/** How far each node has applied the changes, and who waits for that. */
export class KnownEverywhere {
  readonly #applied = new Map<string, string>()
  readonly #waiting = new Set<Waiting>()
  #place = '0-0'
  #lives: readonly string[] = []

  /** Something was written: these nodes have to know it. */
  committed(place: string, lives: readonly string[]): void {
    this.#place = place
    this.#lives = lives
  }

  applied(life: string, place: string): void {
    const before = this.#applied.get(life)
    if (before !== undefined && isAtOrAfter(before, place)) return
    this.#applied.set(life, place)
    for (const waiting of this.#waiting) {
      if (isAtOrAfter(place, waiting.place)) waiting.lives.delete(life)
      this.#check(waiting)
    }
  }

  dead(life: string): void {
    this.#applied.delete(life)
    for (const waiting of this.#waiting) {
      waiting.lives.delete(life)
      this.#check(waiting)
    }
  }

  /** Resolves when every node that was there at the last commit has applied it, or is no more. */
  all(): Promise<void> {
    return this.#appliedBy(this.#lives)
  }

  /** The same of one node. */
  here(life: string): Promise<void> {
    return this.#appliedBy([life])
  }

  async #appliedBy(those: readonly string[]): Promise<void> {
    const place = this.#place
    const lives = new Set(those.filter((life) => !isAtOrAfter(this.#applied.get(life) ?? '0-0', place)))
    if (lives.size === 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting: Waiting = { place, lives, resolve }
    this.#waiting.add(waiting)
    const timer = setTimeout(() => reject(storeUnavailable(new Error('Another node does not answer'))), patienceMs)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(waiting)
    }
  }

  #check(waiting: Waiting): void {
    if (waiting.lives.size === 0) waiting.resolve()
  }
}
