import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Session } from '@patchbay/sdk'

/** After this a kept-alive client proves itself anew, whatever else happens. */
const maxAgeMs = 60_000

interface Entry {
  key: Buffer
  since: number
  opening: Promise<Session>
  session?: Session
  users: number
  dropped: boolean
}

export interface SessionLease {
  session: Session
  /** To be called when the request is over. */
  release(): void
}

export interface SessionCache {
  lease(socket: Socket, identity: readonly string[], open: () => Promise<Session>): Promise<SessionLease>
  close(): void
}

/** One session for all requests of one connection and one identity, so that a kept-alive client does not authenticate each time. */
export function createSessionCache(): SessionCache {
  const entries = new Map<Socket, Entry>()
  let closed = false

  const drop = (socket: Socket, entry: Entry) => {
    if (entries.get(socket) === entry) {
      entries.delete(socket)
      socket.off('close', onClose)
    }
    entry.dropped = true
    if (entry.users === 0) entry.session?.close()
  }

  function onClose(this: Socket): void {
    const entry = entries.get(this)
    if (entry) drop(this, entry)
  }

  function start(socket: Socket, key: Buffer, open: () => Promise<Session>): Entry {
    // While the plugin stops, a last request has its session for itself; and so has one whose connection has gone meanwhile, as
    // nothing would tell any more when to forget it.
    const dropped = closed || socket.destroyed
    const entry: Entry = { key, since: performance.now(), opening: open(), users: 0, dropped }
    if (!dropped) {
      entries.set(socket, entry)
      socket.once('close', onClose)
    }
    entry.opening.then(
      (session) => {
        entry.session = session
        session.onEnd(() => drop(socket, entry))
      },
      () => drop(socket, entry),
    )
    return entry
  }

  return {
    async lease(socket, identity, open) {
      // Several clients may share a connection (a proxy): the kept proof is compared as a secret is.
      const key = createHash('sha256').update(JSON.stringify(identity)).digest()
      let entry = entries.get(socket)
      if (entry && (!timingSafeEqual(entry.key, key) || performance.now() - entry.since > maxAgeMs)) {
        drop(socket, entry)
        entry = undefined
      }
      const used = entry ?? start(socket, key, open)
      used.users++
      let over = false
      const release = () => {
        if (over) return
        over = true
        used.users--
        if (used.dropped && used.users === 0) used.session?.close()
      }
      try {
        return { session: await used.opening, release }
      } catch (error) {
        release()
        throw error
      }
    },
    close() {
      closed = true
      for (const [socket, entry] of entries) drop(socket, entry)
    },
  }
}
