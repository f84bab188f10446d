import type { Session, Sessions } from '@patchbay/sdk'
import type { Endpoint } from './endpoint.ts'
import type { Identity } from './identity.ts'
import { limits } from './limits.ts'

interface Entry {
  sinceMs: number
  opening: Promise<Session>
  session?: Session
  users: number
  dropped: boolean
}

export const protocol = 'coap'

/** One session for the requests of one client within a minute, so that it does not authenticate each time. */
export function createRequestSessions(sessions: Pick<Sessions, 'open'>, now: () => number) {
  const entries = new Map<string, Entry>()
  let closed = false

  const drop = (key: string, entry: Entry) => {
    if (entries.get(key) === entry) entries.delete(key)
    entry.dropped = true
    if (entry.users === 0) entry.session?.close()
  }
  const dropOver = (nowMs: number) => {
    for (const [key, entry] of entries) {
      if (entries.size < limits.requestSessions && nowMs - entry.sinceMs < limits.requestSessionMs) return
      drop(key, entry)
    }
  }

  function start({ key, credentials }: Identity, { address, encrypted }: Endpoint): Entry {
    const opening = sessions.open({ protocol, address, encrypted, credentials, request: true })
    const entry: Entry = { sinceMs: now(), opening, users: 0, dropped: closed }
    if (!closed) {
      dropOver(entry.sinceMs)
      entries.set(key, entry)
    }
    opening.then(
      (session) => {
        entry.session = session
        session.onEnd(() => drop(key, entry))
      },
      () => drop(key, entry),
    )
    return entry
  }

  return {
    /** Does something as the client. Rejects with Refused when it does not prove itself. */
    async use<T>(identity: Identity, endpoint: Endpoint, work: (session: Session) => Promise<T>): Promise<T> {
      let entry = entries.get(identity.key)
      if (entry && now() - entry.sinceMs >= limits.requestSessionMs) {
        drop(identity.key, entry)
        entry = undefined
      }
      const used = entry ?? start(identity, endpoint)
      used.users++
      try {
        return await work(await used.opening)
      } finally {
        used.users--
        if (used.dropped && used.users === 0) used.session?.close()
      }
    },
    sweep: () => dropOver(now()),
    close(): void {
      closed = true
      for (const [key, entry] of entries) drop(key, entry)
    },
    get size() {
      return entries.size
    },
  }
}

export type RequestSessions = ReturnType<typeof createRequestSessions>
