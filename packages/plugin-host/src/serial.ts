/** More waiting calls than this on one instance are refused. */
export const maxWaitingCalls = 100

/** Runs one piece of work after the other, in the order asked. */
export interface Serial {
  run<T>(work: () => Promise<T>): Promise<T>
  /** Calls that wait or run. */
  readonly waiting: number
}

export function createSerial(refuse: () => Error): Serial {
  let tail: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return {
    run<T>(work: () => Promise<T>): Promise<T> {
      if (waiting >= maxWaitingCalls) return Promise.reject(refuse())
      waiting += 1
      const result = tail.then(work)
      tail = result.then(
        () => void (waiting -= 1),
        () => void (waiting -= 1),
      )
      return result
    },
    get waiting() {
      return waiting
    },
  }
}
