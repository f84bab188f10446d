import { createHash, timingSafeEqual } from 'node:crypto'
import type { Session } from '@patchbay/sdk'

/** After this a client proves itself anew, whatever else happens. */
const maxAgeMs = 60_000

interface Entry {
  digest: Buffer
  since: number
  opening: Promise<Session>
  session?: Session
  users: number
  dropped: boolean
}

export interface Lease {
  session: Session
  /** To be called when the call is over; twice is once. */
  release(): void
}

/** One session for all unary calls of one connection and one identity, so that not each of them authenticates. */
export function createSessionLease() {
  let current: Entry | undefined

  const drop = (entry: Entry): void => {
    if (current === entry) current = undefined
    entry.dropped = true
    if (entry.users === 0) entry.session?.close()
  }

  function begin(digest: Buffer, open: () => Promise<Session>): Entry {
    const entry: Entry = { digest, since: performance.now(), opening: open(), users: 0, dropped: false }
    current = entry
    entry.opening.then(
      (session) => {
        entry.session = session
        session.onEnd(() => drop(entry))
        if (entry.dropped && entry.users === 0) session.close()
      },
      () => drop(entry),
    )
    return entry
  }

  return {
    async lease(identity: string, open: () => Promise<Session>): Promise<Lease> {
      // A proxy may bring several clients by one connection: the kept proof is compared as a secret is.
      const digest = createHash('sha256').update(identity).digest()
      if (current && (!timingSafeEqual(current.digest, digest) || performance.now() - current.since > maxAgeMs))
        drop(current)
      const entry = current ?? begin(digest, open)
      entry.users++
      let over = false
      const release = (): void => {
        if (over) return
        over = true
        entry.users--
        if (entry.dropped && entry.users === 0) entry.session?.close()
      }
      try {
        return { session: await entry.opening, release }
      } catch (error) {
        release()
        throw error
      }
    },
    close(): void {
      if (current) drop(current)
    },
  }
}
