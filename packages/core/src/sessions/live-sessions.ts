import type { Session } from '@patchbay/contracts/session'
import type { LiveSession } from './live-session.ts'

/** Who is connected now. */
export interface LiveSessions {
  readonly size: number
  /** The sessions of one device or application. */
  of(principal: Session['principal']): ReadonlySet<LiveSession>
  add(session: LiveSession): void
  remove(session: LiveSession): void
  all(): LiveSession[]
}

const none: ReadonlySet<LiveSession> = new Set()

export function createLiveSessions(): LiveSessions {
  const principals = new Map<string, Set<LiveSession>>()
  let size = 0
  const keyOf = ({ kind, id }: Session['principal']): string => `${kind}:${id}`

  return {
    get size() {
      return size
    },
    of: (principal) => principals.get(keyOf(principal)) ?? none,
    add(session) {
      const key = keyOf(session.principal)
      let sessions = principals.get(key)
      if (!sessions) principals.set(key, (sessions = new Set()))
      sessions.add(session)
      size++
    },
    remove(session) {
      const key = keyOf(session.principal)
      const sessions = principals.get(key)
      if (!sessions?.delete(session)) return
      size--
      if (sessions.size === 0) principals.delete(key)
    },
    all: () => [...principals.values()].flatMap((sessions) => [...sessions]),
  }
}
