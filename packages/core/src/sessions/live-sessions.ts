import type { Session } from '@patchbay/contracts/session'
import type { LiveSession } from './live-session.ts'

/** Who is here now: connections, and the sessions that stand for requests, which count nowhere but end when their right does. */
export interface LiveSessions {
  /** Connections. */
  readonly size: number
  /** The connections of one device, application or provisioning key. */
  of(principal: Session['principal']): ReadonlySet<LiveSession>
  /** The same with its requests; a copy. */
  withRequestsOf(principal: Session['principal']): LiveSession[]
  add(session: LiveSession): void
  remove(session: LiveSession): void
  /** With requests; a copy. */
  all(): LiveSession[]
}

const none: ReadonlySet<LiveSession> = new Set()

export function createLiveSessions(): LiveSessions {
  const connections = createBook()
  const requests = createBook()
  const bookOf = (session: LiveSession) => (session.request ? requests : connections)

  return {
    get size() {
      return connections.size
    },
    of: connections.of,
    withRequestsOf: (principal) => [...connections.of(principal), ...requests.of(principal)],
    add: (session) => bookOf(session).add(session),
    remove: (session) => bookOf(session).remove(session),
    all: () => [...connections.all(), ...requests.all()],
  }
}

function createBook() {
  const principals = new Map<string, Set<LiveSession>>()
  let size = 0
  const keyOf = ({ kind, id }: Session['principal']): string => `${kind}:${id}`

  return {
    get size() {
      return size
    },
    of: (principal: Session['principal']): ReadonlySet<LiveSession> => principals.get(keyOf(principal)) ?? none,
    add(session: LiveSession) {
      const key = keyOf(session.owner)
      let sessions = principals.get(key)
      if (!sessions) principals.set(key, (sessions = new Set()))
      sessions.add(session)
      size++
    },
    remove(session: LiveSession) {
      const key = keyOf(session.owner)
      const sessions = principals.get(key)
      if (!sessions?.delete(session)) return
      size--
      if (sessions.size === 0) principals.delete(key)
    },
    all: (): LiveSession[] => [...principals.values()].flatMap((sessions) => [...sessions]),
  }
}
