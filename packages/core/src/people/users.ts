import type { User } from '@patchbay/contracts/person'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Body, RegistryStore, Stored } from '../registry/port.ts'
import type { Caller } from './caller.ts'
import type { PasswordHash } from './password-hash.ts'
import { assertGoodPassword } from './password-rule.ts'
import { assertGrantable } from './permissions.ts'
import { textOf } from './record-text.ts'
import { noRole, ownerRole, type Roles } from './roles.ts'
import { createTurns } from './turns.ts'
import type { UserSessions } from './user-sessions.ts'
import { assertWritten } from './written.ts'

export interface NewPerson {
  id: string
  name?: string
  role: string
  password: string
}
export type PersonPatch = Partial<Omit<NewPerson, 'id'>>

export interface Users {
  list(page: { limit: number; cursor?: string }): Promise<{ items: User[]; nextCursor?: string }>
  get(id: string): Promise<User>
  create(by: Caller, person: NewPerson): Promise<User>
  /** A new password or role ends the person's sessions. */
  update(by: Caller, id: string, patch: PersonPatch, version?: number): Promise<User>
  remove(by: Caller, id: string, version?: number): Promise<void>
  /** The stored record, for logins: the person and the password's hash. */
  record(id: string): Promise<{ user: User; password: string } | undefined>
  recordLogin(id: string): Promise<void>
}

/** Documents are found by the folded name: `Ada` and `ada` are one person. */
export const userKey = (id: string): string => id.toLowerCase()

const toUser = ({ id, version, body }: Stored): User => {
  const name = textOf(body, 'name')
  const lastLoginAt = textOf(body, 'lastLoginAt')
  return {
    id: textOf(body, 'id') ?? id,
    ...(name === undefined ? {} : { name }),
    role: textOf(body, 'role') ?? noRole,
    createdAt: textOf(body, 'createdAt') ?? new Date(0).toISOString(),
    ...(lastLoginAt === undefined ? {} : { lastLoginAt }),
    version,
  }
}

interface UsersOptions {
  registry: RegistryStore
  clock: Clock
  roles: Roles
  sessions: Pick<UserSessions, 'endAll'>
  hash: PasswordHash
}

export const createUsers = ({ registry, clock, roles, sessions, hash }: UsersOptions): Users => {
  const inTurn = createTurns()
  const load = async (id: string): Promise<Stored> => {
    const stored = await registry.get('users', userKey(id))
    if (!stored) throw new DomainError('NOT_FOUND', `There is no user ${id}.`)
    return stored
  }
  const assertRole = async (by: Caller, role: string): Promise<void> => {
    const permissions = await roles.permissionsOf(role)
    if (permissions.length === 0 && !(await registry.get('roles', role)))
      throw new DomainError('ROLE_UNKNOWN', `There is no role ${role}.`, {
        fields: [{ path: '/role', code: 'unknown', message: 'is no role' }],
      })
    assertGrantable(by.permissions, permissions)
  }
  /** Whoever may write users must not become more by taking over someone who has more. */
  const assertBelow = async (by: Caller, before: User): Promise<void> => {
    if (by.kind === 'user' && userKey(by.id) === userKey(before.id)) return
    assertGrantable(by.permissions, await roles.permissionsOf(before.role))
  }
  const assertAnotherOwner = async (id: string): Promise<void> => {
    const { items } = await registry.list('users', { where: { role: ownerRole }, limit: 2 })
    if (!items.some((owner) => owner.id !== userKey(id)))
      throw new DomainError('LAST_OWNER', `${id} is the last owner. Make someone else an owner first.`)
  }
  const change = async (by: Caller, id: string, patch: PersonPatch, version?: number): Promise<User> => {
    const stored = await load(id)
    const before = toUser(stored)
    await assertBelow(by, before)
    const { role, name, password } = patch
    const movesRole = role !== undefined && role !== before.role
    if (movesRole) await assertRole(by, role)
    if (movesRole && before.role === ownerRole) await assertAnotherOwner(id)
    if (password !== undefined) assertGoodPassword(password, before.id)
    const body: Body = {
      ...stored.body,
      ...(name === undefined ? {} : { name }),
      ...(role === undefined ? {} : { role }),
      ...(password === undefined ? {} : { password: await hash.hash(password) }),
    }
    const put = await registry.put('users', stored.id, body, version ?? stored.version)
    const written = assertWritten(put, `The user ${before.id}`)
    if (password !== undefined || movesRole) await sessions.endAll(stored.id)
    return toUser({ id: stored.id, version: written, body })
  }
  return {
    async list(page) {
      const { items, nextCursor } = await registry.list('users', { ...page, sort: { by: 'id' } })
      return { items: items.map(toUser), ...(nextCursor === undefined ? {} : { nextCursor }) }
    },
    get: async (id) => toUser(await load(id)),
    async create(by, { id, name, role, password }) {
      await assertRole(by, role)
      assertGoodPassword(password, id)
      const createdAt = new Date(clock.nowMicros() / 1000).toISOString()
      const body: Body = {
        id,
        ...(name === undefined ? {} : { name }),
        role,
        password: await hash.hash(password),
        createdAt,
      }
      const written = await registry.put('users', userKey(id), body, 'new')
      if (!written.ok) throw new DomainError('ALREADY_EXISTS', `There is a user ${id} already.`)
      return toUser({ id: userKey(id), version: written.version, body })
    },
    update: (by, id, patch, version) => inTurn(() => change(by, id, patch, version)),
    remove: (by, id, version) =>
      inTurn(async () => {
        const before = toUser(await load(id))
        await assertBelow(by, before)
        if (before.role === ownerRole) await assertAnotherOwner(id)
        const gone = await registry.delete('users', userKey(id), version ?? 'any')
        assertWritten(gone, `The user ${before.id}`)
        await sessions.endAll(userKey(id))
      }),
    async record(id) {
      const stored = await registry.get('users', userKey(id))
      if (!stored) return undefined
      return { user: toUser(stored), password: textOf(stored.body, 'password') ?? '' }
    },
    recordLogin: (id) =>
      inTurn(async () => {
        const stored = await registry.get('users', userKey(id))
        if (!stored) return
        const lastLoginAt = new Date(clock.nowMicros() / 1000).toISOString()
        // Someone else wrote in between: the time of a login is not worth a second try.
        await registry.put('users', stored.id, { ...stored.body, lastLoginAt }, stored.version)
      }),
  }
}
