import { DomainError } from '../errors.ts'
import type { LoginLimiter } from './login-limiter.ts'
import type { PasswordHash } from './password-hash.ts'
import type { UserSessions } from './user-sessions.ts'
import { userKey, type Users } from './users.ts'

export interface Login {
  /** Answers a session's token and the person; rejects with LOGIN_WRONG, LOGIN_RATE or LOGIN_BUSY. */
  login(user: string, password: string, address: string): Promise<{ token: string; user: string }>
  /** Who is logged in says the password again, for what a session that was left open must not do; rejects with FIELD_INVALID or LOGIN_RATE. */
  provePassword(user: string, password: string | undefined, address: string): Promise<void>
}

const notProved = (code: 'required' | 'wrong', message: string): DomainError =>
  new DomainError('FIELD_INVALID', `The present password ${message}.`, {
    fields: [{ path: '/currentPassword', code, message }],
  })

export const createLogin = (
  users: Users,
  sessions: UserSessions,
  hash: PasswordHash,
  limiter: LoginLimiter,
): Login => ({
  async login(user, password, address) {
    limiter.take(userKey(user), address)
    const record = await users.record(user)
    // Asked in any case, so that an unknown user takes as long as a wrong password.
    const right = await hash.verify(password, record?.password)
    if (!record || !right) throw new DomainError('LOGIN_WRONG', 'The user or the password is wrong.')
    limiter.succeed(userKey(user), address)
    const token = await sessions.create(userKey(record.user.id), address)
    // The password may have been changed while the hash was made: that change ended every session but this one.
    const now = await users.record(user)
    if (now?.password !== record.password) {
      await sessions.endAll(userKey(record.user.id))
      throw new DomainError('LOGIN_WRONG', 'The user or the password is wrong.')
    }
    await users.recordLogin(record.user.id)
    return { token, user: record.user.id }
  },
  async provePassword(user, password, address) {
    if (password === undefined) throw notProved('required', 'has to be given')
    // By the same count as logins: a session must be no way round it.
    limiter.take(userKey(user), address)
    if (!(await hash.verify(password, (await users.record(user))?.password))) throw notProved('wrong', 'is another one')
    limiter.succeed(userKey(user), address)
  },
})
