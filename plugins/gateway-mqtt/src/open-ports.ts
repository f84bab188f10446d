import type { Listener } from './listeners.ts'

/** The ports that are open. One that stays as it was is not touched, and connections stay when their port is closed. */
export interface OpenPorts {
  /** Opens and closes what differs. One change at a time. */
  set(wanted: readonly Listener[]): Promise<void>
}

export function createOpenPorts(listen: (listener: Listener) => () => Promise<void>): OpenPorts {
  const open = new Map<string, () => Promise<void>>()
  let changing: Promise<void> = Promise.resolve()

  const change = async (wanted: readonly Listener[]): Promise<void> => {
    const next = new Map(wanted.map((listener) => [JSON.stringify(listener), listener]))
    // Closed first: the same port may come back with TLS.
    for (const [key, close] of open) {
      if (next.has(key)) continue
      open.delete(key)
      await close()
    }
    for (const [key, listener] of next) if (!open.has(key)) open.set(key, listen(listener))
  }
  return {
    set(wanted) {
      const changed = changing.then(() => change(wanted))
      // The next change waits for this one, whatever became of it.
      changing = changed.catch(() => undefined)
      return changed
    },
  }
}
