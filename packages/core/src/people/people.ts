import type { Clock } from '../clock.ts'
import type { RegistryStore } from '../registry/port.ts'
import { createApiKeys, type ApiKeys } from './api-keys.ts'
import { createAudit, type Audit } from './audit.ts'
import type { Caller } from './caller.ts'
import { createLogin, type Login } from './login.ts'
import { createLoginLimiter, type LoginLimiter } from './login-limiter.ts'
import { createPasswordHash, type PasswordHash } from './password-hash.ts'
import { createRoles, type Roles } from './roles.ts'
import { createSetup, type Setup } from './setup.ts'
import { createUserSessions, type UserSessions } from './user-sessions.ts'
import { createUsers, type Users } from './users.ts'

/** Everybody who works with the platform, and what they may do. */
export interface People extends Login {
  users: Users
  roles: Roles
  sessions: UserSessions
  apiKeys: ApiKeys
  setup: Setup
  audit: Audit
  limiter: LoginLimiter
  /** Who comes with this session token, with the rights of this moment. A `look` does not count as a use of the session. */
  bySession(token: string, how?: 'look'): Promise<Caller | undefined>
  /** Removes ended sessions and audit entries past their time; for a timer. */
  tidy(): Promise<void>
  close(): Promise<void>
}

export interface PeopleOptions {
  registry: RegistryStore
  clock: Clock
  /** Told of what failed in the background (an audit entry the store did not take). */
  onError: (error: unknown) => void
  /** Other nodes write the same audit trail: runs work while none of them does. */
  alone?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined
  /** Has the other nodes count tries with this one. */
  shareLimiter?: (own: LoginLimiter) => LoginLimiter
  /** Shared where tests want cheap ones. */
  hash?: PasswordHash
}

const auditKeptMs = 365 * 24 * 60 * 60_000

export const createPeople = ({
  registry,
  clock,
  onError,
  alone,
  shareLimiter = (own) => own,
  hash = createPasswordHash(),
}: PeopleOptions): People => {
  const roles = createRoles(registry)
  const sessions = createUserSessions(registry, clock)
  const limiter = shareLimiter(createLoginLimiter(clock))
  const users = createUsers({ registry, clock, roles, sessions, hash })
  const audit = createAudit({ registry, clock, onError, alone })
  return {
    users,
    roles,
    sessions,
    apiKeys: createApiKeys(registry, clock, roles),
    setup: createSetup(registry, clock, hash),
    audit,
    limiter,
    ...createLogin(users, sessions, hash, limiter),
    async bySession(token, how) {
      const session = await sessions.find(token, how)
      const record = session && (await users.record(session.user))
      if (!session || !record) return undefined
      const { id, role } = record.user
      const permissions = await roles.permissionsOf(role)
      return { kind: 'user', id, role, permissions, actor: `user:${id}`, session: session.id }
    },
    async tidy() {
      await sessions.sweep()
      await audit.prune(new Date(clock.nowMicros() / 1000 - auditKeptMs).toISOString())
    },
    close: () => audit.close(),
  }
}
