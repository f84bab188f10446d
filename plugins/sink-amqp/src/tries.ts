/** Less than a try may take, so that what was sent is given up before the next one begins. */
export const answerMs = 20_000
export const connectMs = 5_000

/** The broker said nothing, or the try was ended from outside. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** Runs work that may hang: rejects when the signal aborts, or after so long. Whatever the work does later is nobody's error. */
export async function within<T>(work: Promise<T>, ms: number, signal: AbortSignal, what: string): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const giveUp = (): void => reject(new NoAnswer('The try was given up.'))
  const timer = setTimeout(() => reject(new NoAnswer(`${what} within ${ms / 1000} s.`)), ms)
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  work.catch(() => undefined)
  try {
    return await Promise.race([work, ended])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
  }
}
