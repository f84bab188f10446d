import type { Clock } from './clock.ts'

export type Outcome<T> = { kind: 'done'; value: T } | { kind: 'failed'; error: unknown } | { kind: 'late' }

/**
 * Waits for `work` no longer than `ms`. What comes after the deadline is heard by nobody, so that a late rejection cannot become an
 * unhandled one. Never rejects.
 */
export function within<T>(clock: Clock, ms: number, work: () => T | Promise<T>): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve({ kind: 'late' }))
    const settle = (outcome: Outcome<T>): void => {
      cancel()
      resolve(outcome)
    }
    const settled = async (): Promise<T> => work()
    settled().then(
      (value) => settle({ kind: 'done', value }),
      (error: unknown) => settle({ kind: 'failed', error }),
    )
  })
}
