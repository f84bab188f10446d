/** What a start has opened so far, to be closed again when it fails later. */
export interface Opened {
  /** Answers how to say that somebody else closes it from now on. */
  add(close: () => unknown): () => void
  /** The last first. What cannot be closed is told and holds up nothing. */
  close(onFault: (error: unknown) => void): Promise<void>
}

export function createOpened(): Opened {
  const open = new Set<() => unknown>()
  let closing: ((close: () => unknown) => Promise<void>) | undefined
  return {
    add(close) {
      // It was on its way when something else failed.
      if (closing) void closing(close)
      else open.add(close)
      return () => void open.delete(close)
    },
    async close(onFault) {
      closing = async (close) => {
        try {
          await close()
        } catch (error) {
          onFault(error)
        }
      }
      for (const close of [...open].toReversed()) await closing(close)
      open.clear()
    },
  }
}
