/** The target said nothing, or the try was ended from outside. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/**
 * Waits for work that may hang: rejects with NoAnswer (`what` `within 5 s.`) after so long, or when the signal aborts. Whatever the work does later is
 * nobody's error; end what it stands on, so that it does nothing.
 */
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
