import type { ApiKey } from '@patchbay/contracts/person'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Body, RegistryStore, Stored } from '../registry/port.ts'
import type { Caller } from './caller.ts'
import { assertFilters } from './filter-rule.ts'
import { assertGrantable } from './permissions.ts'
import { textOf, textsOf } from './record-text.ts'
import { noRole, ownerRole, type Roles } from './roles.ts'
import { createSecret, digestOf, isDigestOf } from './secret.ts'
import { assertWritten } from './written.ts'

const keyPrefix = 'pbk_'
/** 96 bits of the digest: enough that two keys never meet, and no use to a guesser. */
const idLength = 24
const shownLength = 8
export const minEnvironmentKeyLength = 32
/** The last use is written at most this often. */
const touchMs = 5 * 60_000
const maxTouched = 5_000
const maxKeys = 10_000

export interface NewKey {
  name: string
  role?: string
  publish?: string[]
  subscribe?: string[]
  expiresAt?: string
}

/** What a good key may do, now. */
export interface FoundKey {
  id: string
  role: string
  permissions: readonly string[]
  publish: readonly string[]
  subscribe: readonly string[]
}

export interface ApiKeys {
  list(page: { limit: number; cursor?: string }): Promise<{ items: ApiKey[]; nextCursor?: string }>
  get(id: string): Promise<ApiKey>
  /** The key is answered here and kept nowhere. */
  create(by: Caller, key: NewKey): Promise<{ apiKey: ApiKey; key: string }>
  remove(id: string, version?: number): Promise<void>
  /** For logins on every protocol. `ended`: it was good once. */
  find(secret: string): Promise<FoundKey | 'ended' | undefined>
  /** For who has shown the key before (the will of a session that has gone); undefined once it ended. */
  byId(id: string): Promise<FoundKey | undefined>
  /** PATCHBAY_API_KEY: an owner key with this value; the one of an earlier value goes. */
  ensureKey(value: string | undefined): Promise<void>
  /** Told with the id when a key was removed, so that sessions that came with it can end. */
  onEnd(hear: (id: string) => void): void
}

const idOf = (secret: string): string => digestOf(secret).slice(0, idLength)

const toApiKey = ({ id, version, body }: Stored): ApiKey => {
  const optional = (field: 'createdBy' | 'expiresAt' | 'lastUsedAt') => {
    const value = textOf(body, field)
    return value === undefined ? {} : { [field]: value }
  }
  return {
    id,
    name: textOf(body, 'name') ?? id,
    role: textOf(body, 'role') ?? noRole,
    publish: textsOf(body, 'publish'),
    subscribe: textsOf(body, 'subscribe'),
    prefix: textOf(body, 'prefix') ?? '',
    createdAt: textOf(body, 'createdAt') ?? new Date(0).toISOString(),
    ...optional('createdBy'),
    ...optional('expiresAt'),
    ...optional('lastUsedAt'),
    version,
  }
}

export const createApiKeys = (registry: RegistryStore, clock: Clock, roles: Roles): ApiKeys => {
  const touched = new Map<string, number>()
  const listeners: ((id: string) => void)[] = []
  const now = (): string => new Date(clock.nowMicros() / 1000).toISOString()
  const tell = (id: string): void => {
    touched.delete(id)
    for (const hear of listeners) hear(id)
  }
  const touch = async ({ id, version, body }: Stored): Promise<void> => {
    const nowMs = clock.nowMicros() / 1000
    if (nowMs - (touched.get(id) ?? 0) < touchMs) return
    if (touched.size >= maxTouched) touched.clear()
    touched.set(id, nowMs)
    // At the version read: a key that is being removed must not come back by this write.
    await registry.put('api_keys', id, { ...body, lastUsedAt: now() }, version)
  }
  const assertMayGive = async (by: Caller, role: string, publish: string[], subscribe: string[]): Promise<void> => {
    const permissions = await roles.permissionsOf(role)
    if (role !== noRole && permissions.length === 0 && !(await registry.get('roles', role)))
      throw new DomainError('ROLE_UNKNOWN', `There is no role ${role}.`, {
        fields: [{ path: '/role', code: 'unknown', message: 'is no role' }],
      })
    assertGrantable(by.permissions, [
      ...permissions,
      ...(publish.length > 0 ? ['messages.publish'] : []),
      ...(subscribe.length > 0 ? ['messages.read'] : []),
    ])
  }
  const expiryOf = (text: string): string => {
    const ms = Date.parse(text)
    if (Number.isNaN(ms) || ms <= clock.nowMicros() / 1000)
      throw new DomainError('FIELD_INVALID', 'expiresAt must lie in the future.', {
        fields: [{ path: '/expiresAt', code: 'past', message: 'must lie in the future' }],
      })
    return new Date(ms).toISOString()
  }
  const hasEnded = ({ body }: Stored): boolean => {
    const expiresAt = textOf(body, 'expiresAt')
    return expiresAt !== undefined && Date.parse(expiresAt) <= clock.nowMicros() / 1000
  }
  const toFound = async (stored: Stored): Promise<FoundKey> => {
    const { id, role, publish, subscribe } = toApiKey(stored)
    const permissions = await roles.permissionsOf(role)
    // Who may do everything needs no filters; any given ones still narrow it.
    const all = permissions.includes('*') && publish.length === 0 && subscribe.length === 0
    return { id, role, permissions, publish: all ? ['#'] : publish, subscribe: all ? ['#'] : subscribe }
  }
  return {
    async list(page) {
      const { items, nextCursor } = await registry.list('api_keys', { ...page, sort: { by: 'id' } })
      return { items: items.map(toApiKey), ...(nextCursor === undefined ? {} : { nextCursor }) }
    },
    async get(id) {
      const stored = await registry.get('api_keys', id)
      if (!stored) throw new DomainError('NOT_FOUND', `There is no API key ${id}.`)
      return toApiKey(stored)
    },
    async create(by, { name, role = noRole, publish = [], subscribe = [], expiresAt }) {
      await assertMayGive(by, role, publish, subscribe)
      assertFilters('/publish', publish)
      assertFilters('/subscribe', subscribe)
      if ((await registry.count('api_keys')) >= maxKeys)
        throw new DomainError('LIMIT_REACHED', `There are ${maxKeys} API keys already.`)
      const key = `${keyPrefix}${createSecret()}`
      const body: Body = {
        name,
        role,
        publish,
        subscribe,
        hash: digestOf(key),
        prefix: key.slice(0, shownLength),
        createdAt: now(),
        createdBy: by.actor,
        ...(expiresAt === undefined ? {} : { expiresAt: expiryOf(expiresAt) }),
      }
      const id = idOf(key)
      const version = assertWritten(await registry.put('api_keys', id, body, 'new'), 'The API key')
      return { apiKey: toApiKey({ id, version, body }), key }
    },
    async remove(id, version) {
      const stored = await registry.get('api_keys', id)
      if (!stored) throw new DomainError('NOT_FOUND', `There is no API key ${id}.`)
      if (stored.body['environment'] === true)
        throw new DomainError(
          'STATE_CONFLICT',
          'This key comes from PATCHBAY_API_KEY. Remove it there and start again.',
        )
      assertWritten(await registry.delete('api_keys', id, version ?? 'any'), `The API key ${id}`)
      tell(id)
    },
    async find(secret) {
      const stored = await registry.get('api_keys', idOf(secret))
      if (!stored || !isDigestOf(textOf(stored.body, 'hash') ?? '', secret)) return undefined
      if (hasEnded(stored)) return 'ended'
      await touch(stored)
      return toFound(stored)
    },
    async byId(id) {
      const stored = await registry.get('api_keys', id)
      return stored && !hasEnded(stored) ? toFound(stored) : undefined
    },
    async ensureKey(value) {
      const id = value === undefined ? undefined : idOf(value)
      const { items } = await registry.list('api_keys', { where: { environment: true }, limit: 100 })
      for (const old of items.filter((stored) => stored.id !== id)) {
        await registry.delete('api_keys', old.id)
        tell(old.id)
      }
      if (value === undefined || id === undefined) return
      if (value.length < minEnvironmentKeyLength)
        throw new DomainError('FIELD_INVALID', `The key needs ${minEnvironmentKeyLength} characters at least.`)
      await registry.put(
        'api_keys',
        id,
        {
          name: 'PATCHBAY_API_KEY',
          role: ownerRole,
          publish: [],
          subscribe: [],
          hash: digestOf(value),
          prefix: '(set)',
          createdAt: now(),
          createdBy: 'system',
          environment: true,
        },
        // A restart with the same value changes nothing.
        'new',
      )
    },
    onEnd: (hear) => void listeners.push(hear),
  }
}
