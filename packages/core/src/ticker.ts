import type { Clock } from './clock.ts'

/** Does the work again and again, `ms` after its last end. */
export interface Ticker {
  start(): void
  stop(): void
}

export function createTicker(
  clock: Pick<Clock, 'after'>,
  ms: number,
  work: () => Promise<void>,
  onFault: (error: unknown) => void,
): Ticker {
  let stopped = true
  let cancel = (): void => {}
  const later = (): void => {
    cancel = clock.after(ms, () => {
      work()
        .catch(onFault)
        .finally(() => {
          if (!stopped) later()
        })
    })
  }
  return {
    start() {
      stopped = false
      later()
    },
    stop() {
      stopped = true
      cancel()
    },
  }
}
