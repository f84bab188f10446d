import type { Clock } from '../clock.ts'

/** A wait that can be cut short. */
export interface Alarm {
  wait(ms: number): Promise<void>
  /** Ends the wait that is under way, or the next one. */
  ring(): void
}

export function createAlarm(clock: Pick<Clock, 'after'>): Alarm {
  let rung = false
  let end: (() => void) | undefined
  return {
    wait(ms) {
      if (rung) {
        rung = false
        return Promise.resolve()
      }
      return new Promise((resolve) => {
        const done = (): void => {
          end = undefined
          cancel()
          resolve()
        }
        const cancel = clock.after(ms, done)
        end = done
      })
    },
    ring() {
      if (end) end()
      else rung = true
    },
  }
}
