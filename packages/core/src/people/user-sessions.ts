import type { Clock } from '../clock.ts'
import type { RegistryStore } from '../registry/port.ts'
import { textOf } from './record-text.ts'
import { createSecret, digestOf } from './secret.ts'

/** Without a request for this long a session ends; and after the second time in any case. */
export const idleMs = 30 * 60_000
export const absoluteMs = 12 * 60 * 60_000
/** The last use is written at most this often. */
const touchMs = 60_000
/** A kept copy is read again after this, so that another node's revocation is seen. */
const recheckMs = 10_000
const maxCached = 5_000
const removalBatch = 200

export interface FoundSession {
  id: string
  /** The user's document id. */
  user: string
}

export interface UserSessions {
  /** Answers the token, which is kept nowhere. */
  create(user: string, address: string): Promise<string>
  /** Counts as a use of the session, but for `look`: a look does not keep it alive. */
  find(token: string, how?: 'look'): Promise<FoundSession | undefined>
  end(id: string): Promise<void>
  endAll(user: string): Promise<void>
  /** Told when a session, or all of a user, were ended here; what hangs on them is to be looked at again. */
  onEnd(hear: (ended: { id: string } | { user: string }) => void): void
  /** Deletes what has ended by itself; answers how many went. */
  sweep(): Promise<number>
}

interface Cached {
  user: string
  createdMs: number
  usedMs: number
  writtenMs: number
  readMs: number
}

const iso = (ms: number): string => new Date(ms).toISOString()

export const createUserSessions = (registry: RegistryStore, clock: Clock): UserSessions => {
  const cache = new Map<string, Cached>()
  /** Grows with every end: what was read before it may be out of date. */
  let ends = 0
  const listeners: ((ended: { id: string } | { user: string }) => void)[] = []
  const tell = (ended: { id: string } | { user: string }): void => {
    for (const hear of listeners) hear(ended)
  }
  const nowMs = (): number => clock.nowMicros() / 1000
  const keep = (id: string, session: Cached): void => {
    cache.delete(id)
    cache.set(id, session)
    if (cache.size <= maxCached) return
    const oldest = cache.keys().next().value
    if (oldest !== undefined) cache.delete(oldest)
  }
  const isLive = ({ createdMs, usedMs }: Cached, now: number): boolean =>
    now - usedMs < idleMs && now - createdMs < absoluteMs
  const load = async (id: string, now: number): Promise<Cached | undefined> => {
    const kept = cache.get(id)
    if (kept && now - kept.readMs < recheckMs) return kept
    const stored = await registry.get('sessions', id)
    if (!stored) {
      cache.delete(id)
      return undefined
    }
    const writtenMs = Date.parse(textOf(stored.body, 'usedAt') ?? '')
    const createdMs = Date.parse(textOf(stored.body, 'createdAt') ?? '')
    const user = textOf(stored.body, 'user')
    if (user === undefined || Number.isNaN(writtenMs + createdMs)) return undefined
    return { user, createdMs, writtenMs, usedMs: Math.max(writtenMs, kept?.usedMs ?? 0), readMs: now }
  }
  const touch = async (id: string, session: Cached, now: number): Promise<boolean> => {
    if (now - session.writtenMs < touchMs) return true
    const stored = await registry.get('sessions', id)
    if (!stored) return false
    // At the version read: a session that was ended in between must not come back by this write.
    const written = await registry.put('sessions', id, { ...stored.body, usedAt: iso(now) }, stored.version)
    session.writtenMs = now
    return written.ok || written.version > 0
  }
  const end = async (id: string): Promise<void> => {
    cache.delete(id)
    await registry.delete('sessions', id)
    ends += 1
    tell({ id })
  }
  return {
    async create(user, address) {
      const token = createSecret()
      const at = iso(nowMs())
      await registry.put('sessions', digestOf(token), { user, address, createdAt: at, usedAt: at }, 'new')
      return token
    },
    async find(token, how) {
      const id = digestOf(token)
      const now = nowMs()
      const endsBefore = ends
      const session = await load(id, now)
      if (!session) return undefined
      const used = how !== 'look'
      if (!isLive(session, now) || (used && !(await touch(id, session, now)))) {
        await end(id)
        return undefined
      }
      if (used) session.usedMs = now
      if (ends === endsBefore) keep(id, session)
      else if (!(await registry.get('sessions', id))) return undefined
      return { id, user: session.user }
    },
    end,
    async endAll(user) {
      while ((await registry.deleteWhere('sessions', { where: { user }, limit: removalBatch })) === removalBatch);
      for (const [id, session] of cache) if (session.user === user) cache.delete(id)
      ends += 1
      tell({ user })
    },
    onEnd: (hear) => void listeners.push(hear),
    async sweep() {
      const now = nowMs()
      const idle = { range: { field: 'usedAt', to: iso(now - idleMs - touchMs) }, limit: removalBatch }
      const old = { range: { field: 'createdAt', to: iso(now - absoluteMs) }, limit: removalBatch }
      return (await registry.deleteWhere('sessions', idle)) + (await registry.deleteWhere('sessions', old))
    },
  }
}
