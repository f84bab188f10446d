import type { NewProvisioningKey, ProvisioningKey, ProvisioningKeyPatch } from '@patchbay/contracts/provisioning'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Caller } from '../people/caller.ts'
import { createSecret, digestOf, isDigestOf } from '../people/secret.ts'
import type { RegistryStore, Stored } from '../registry/port.ts'
import { type KeyBody, endOfKey, toProvisioningKey } from './key-record.ts'
import type { KeyStore } from './key-store.ts'
import { provisioningLimits } from './limits.ts'

/** Every provisioning key begins so: alone as a bearer secret it is known by it. */
export const provisioningKeyPrefix = 'pbp_'
const idLength = 24
const shownLength = 8

export interface ProvisioningKeys {
  list(page: { limit: number; cursor?: string }): Promise<{ items: ProvisioningKey[]; nextCursor?: string }>
  get(id: string): Promise<ProvisioningKey>
  /** The key is answered here and kept nowhere. */
  create(by: Caller, input: NewProvisioningKey): Promise<{ provisioningKey: ProvisioningKey; key: string }>
  patch(by: Caller, id: string, patch: ProvisioningKeyPatch, version?: number): Promise<ProvisioningKey>
  remove(id: string, version?: number): Promise<void>
  /** For logins on every protocol: the id. `ended`: it was good once. */
  find(secret: string): Promise<{ id: string } | { ended: string } | undefined>
  /** Told with the id when a key was switched off or removed, so that its sessions can end. */
  onEnd(hear: (id: string) => void): void
}

export interface ProvisioningKeysOptions {
  registry: RegistryStore
  clock: Clock
  store: KeyStore
  hasType: (type: string) => boolean
  /** Throws when he lacks one of these permissions himself. */
  assertGrantable: (own: readonly string[], granted: readonly string[]) => void
}

const wrong = (path: string, code: string, message: string) =>
  new DomainError(code === 'unknown' ? 'TYPE_UNKNOWN' : 'FIELD_INVALID', `${path.slice(1)} ${message}.`, {
    fields: [{ path, code, message }],
  })

export function createProvisioningKeys(options: ProvisioningKeysOptions): ProvisioningKeys {
  const { registry, clock, store, hasType, assertGrantable } = options
  const listeners: ((id: string) => void)[] = []
  const notThere = (id: string) => new DomainError('NOT_FOUND', `There is no provisioning key ${id}.`)

  const expiryOf = (text: string): string => {
    const ms = Date.parse(text)
    if (Number.isNaN(ms) || ms <= clock.nowMicros() / 1000) throw wrong('/expiresAt', 'past', 'must lie in the future')
    return new Date(ms).toISOString()
  }
  /** Whoever has the key makes devices and gets their secrets. */
  const assertMayGive = (by: Caller) => assertGrantable(by.permissions, ['devices.write', 'devices.secrets'])
  const read = async (id: string): Promise<Stored<KeyBody>> => {
    const stored = await store.read(id)
    if (!stored) throw notThere(id)
    return stored
  }

  return {
    async list(page) {
      const { items, nextCursor } = await registry.list<KeyBody>('provisioning_keys', { ...page, sort: { by: 'id' } })
      return { items: items.map(toProvisioningKey), ...(nextCursor === undefined ? {} : { nextCursor }) }
    },
    get: async (id) => toProvisioningKey(await read(id)),
    async create(by, { expiresAt, strategy = 'create', tags = [], reprovision = false, ...rest }) {
      assertMayGive(by)
      if (rest.type !== undefined && !hasType(rest.type)) throw wrong('/type', 'unknown', 'is not a device type')
      // Without either, whoever has the key could take over any registered device that has not been there yet.
      if (strategy === 'pre-registered' && rest.type === undefined && tags.length === 0) {
        throw wrong('/type', 'required', 'or tags must say which registered devices a pre-registered key is for')
      }
      if ((await registry.count('provisioning_keys')) >= provisioningLimits.keys) {
        throw new DomainError('LIMIT_REACHED', `There are ${provisioningLimits.keys} provisioning keys already.`)
      }
      const key = `${provisioningKeyPrefix}${createSecret()}`
      const body: KeyBody = {
        ...rest,
        strategy,
        tags,
        reprovision,
        enabled: true,
        used: 0,
        pending: [],
        hash: digestOf(key),
        salt: createSecret(),
        prefix: key.slice(0, shownLength),
        createdAt: new Date(clock.nowMicros() / 1000).toISOString(),
        createdBy: by.actor,
        ...(expiresAt === undefined ? {} : { expiresAt: expiryOf(expiresAt) }),
      }
      const id = digestOf(key).slice(0, idLength)
      const put = await registry.put('provisioning_keys', id, body, 'new')
      if (!put.ok) throw new DomainError('ALREADY_EXISTS', 'The generated key exists already. Try again.')
      return { provisioningKey: toProvisioningKey({ id, version: put.version, body }), key }
    },
    async patch(by, id, { quota, expiresAt, ...rest }, expected) {
      assertMayGive(by)
      const until = typeof expiresAt === 'string' ? expiryOf(expiresAt) : expiresAt
      const changed = await store.change(
        id,
        (before) => {
          const { quota: _quota, expiresAt: _expiresAt, ...body } = { ...before, ...rest }
          const most = quota === undefined ? before.quota : (quota ?? undefined)
          const end = until === undefined ? before.expiresAt : (until ?? undefined)
          if (body.strategy === 'pre-registered' && body.type === undefined && body.tags.length === 0) {
            throw wrong('/tags', 'required', 'must say which registered devices a pre-registered key is for')
          }
          return {
            ...body,
            ...(most === undefined ? {} : { quota: most }),
            ...(end === undefined ? {} : { expiresAt: end }),
          }
        },
        expected,
      )
      if (!changed) throw notThere(id)
      if (!changed.body.enabled) for (const hear of listeners) hear(id)
      return toProvisioningKey(changed)
    },
    async remove(id, version) {
      await read(id)
      const gone = await registry.delete('provisioning_keys', id, version ?? 'any')
      if (!gone.ok && gone.version > 0) {
        throw new DomainError('VERSION_CONFLICT', `The provisioning key is at version ${gone.version} now.`)
      }
      for (const hear of listeners) hear(id)
    },
    async find(secret) {
      const id = digestOf(secret).slice(0, idLength)
      const stored = await store.read(id)
      if (!stored || !isDigestOf(stored.body.hash, secret)) return undefined
      const ended = endOfKey(stored.body, clock.nowMicros())
      return ended === undefined ? { id } : { ended }
    },
    onEnd: (hear) => void listeners.push(hear),
  }
}
