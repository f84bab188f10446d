/** What closing may take before the failure is told all the same. */
const CLOSE_LIMIT_MS = 5_000

/** Takes what a start opens, to be closed again when it fails later. */
export interface Opened {
  /** Answers how to say that somebody else closes it from now on. */
  add(close: () => unknown): () => void
  /** Closes what it answers. */
  own<T extends { close(): unknown }>(made: T): T
}

/** When the work fails, closes what it had opened, the last first; what cannot be closed is told and holds up nothing. */
export async function openAll<T>(work: (opened: Opened) => Promise<T>, onFault: (error: unknown) => void): Promise<T> {
  const open = new Set<() => unknown>()
  let closing: ((close: () => unknown) => Promise<void>) | undefined
  function add(close: () => unknown): () => void {
    // It was on its way when something else failed.
    if (closing) void closing(close)
    else open.add(close)
    return () => void open.delete(close)
  }

  const own = <O extends { close(): unknown }>(made: O): O => {
    add(() => made.close())
    return made
  }
  try {
    return await work({ add, own })
  } catch (error) {
    const closeOne = async (close: () => unknown): Promise<void> => {
      try {
        await close()
      } catch (fault) {
        onFault(fault)
      }
    }
    closing = closeOne
    const closeAll = async (): Promise<void> => {
      for (const close of [...open].toReversed()) await closeOne(close)
    }
    let late: NodeJS.Timeout | undefined
    // The reason is told in any case.
    const limit = new Promise<void>((resolve) => (late = setTimeout(resolve, CLOSE_LIMIT_MS)))
    await Promise.race([closeAll(), limit])
    clearTimeout(late)
    throw error
  }
}
