import { DevicePatch, NewDevice, type Device, type DeviceLogin } from '@patchbay/contracts/device'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Collection, RegistryStore, Stored } from '../registry/port.ts'
import { createCredentialExpiry } from './credential-expiry.ts'
import { newSecret, toCredentialDocument, toCredentialPrefix } from './credential-record.ts'
import { createCredentialDocuments } from './credential-documents.ts'
import { createDeviceCertificates, type CertificateIssuer, type DeviceCertificates } from './device-certificates.ts'
import { createDeviceCredentials, type DeviceCredentials } from './device-credentials.ts'
import { createDeviceList, type DevicePage, type DeviceQuery } from './device-list.ts'
import { createEnrolment } from './enrolment.ts'
import { createDeviceLock } from './device-lock.ts'
import { newDeviceId, toDevice, type DeviceBody, type StatusOf } from './device-record.ts'
import { type DeviceRecord, type Enrol, type HearDeviceEvent, reservedIds } from './port.ts'
import type { Sealing } from './pre-shared-keys.ts'
import { defaultType, type DeviceTypes } from './types.ts'

/** Registered devices; their types are held in memory. */
export const maxDevices = 1_000_000
const maxPatchTries = 5
const pageSize = 1000

export interface Devices extends DeviceCredentials, DeviceCertificates {
  /** Reads which devices there are, and watches for credentials that end. */
  load(): Promise<void>
  create(input: NewDevice): Promise<{ device: Device; credentials: DeviceLogin }>
  /** For provisioning: makes a device or gives it credentials, as the caller judges. */
  enrol: Enrol
  /** A device was let in by this provisioning key. */
  isProvisionedBy(id: string, key: string): Promise<boolean>
  get(id: string): Promise<Device>
  list(query: DeviceQuery): Promise<DevicePage>
  patch(id: string, patch: DevicePatch, expected?: number): Promise<Device>
  /** The device and all that is the registry's of it; its telemetry is the caller's to keep or delete. */
  remove(id: string, expected?: number): Promise<void>
  /** At once and from memory: the id of the type of a registered device. */
  typeOf(id: string): string | undefined
  /** At once and from memory: the ids of all registered devices, in no order. */
  ids(): Iterable<string>
  /** Silence after which the device counts as offline. */
  heartbeatMs(id: string): number
  readonly count: number
  /** Another node changed these; all of them when not said. */
  follow(ids?: readonly string[]): Promise<void>
  close(): void
}

export function createDevices(deps: {
  registry: RegistryStore
  clock: Clock
  randomBytes: (size: number) => Uint8Array
  hear: HearDeviceEvent
  types: Pick<DeviceTypes, 'find' | 'effective'>
  statusOf: StatusOf
  sealing: Pick<Sealing, 'seal'>
  /** Without it no certificates are issued. */
  issuer?: CertificateIssuer
  failed?: (error: unknown) => void
}): Devices {
  const { registry, clock, randomBytes, hear, types, statusOf, sealing } = deps
  const typeIds = new Map<string, string>()
  const lock = createDeviceLock()

  const read = async (id: string): Promise<Stored<DeviceBody>> => {
    const stored = await registry.get<DeviceBody>('devices', id)
    if (!stored) throw new DomainError('NOT_FOUND', `There is no device "${id}".`)
    return stored
  }
  const view = (record: DeviceRecord, version: number) => toDevice(record, version, statusOf(record.id))
  const assertType = (type: string | undefined) => {
    if (type === undefined || types.find(type)) return
    const wrong = { path: '/type', code: 'unknown', message: 'is not a device type' }
    throw new DomainError('TYPE_UNKNOWN', `There is no device type "${type}".`, { fields: [wrong] })
  }

  const expiry = createCredentialExpiry({
    registry,
    clock,
    ended: (device, credential) => hear({ kind: 'credential-ended', device, credential }),
    ...(deps.failed ? { failed: deps.failed } : {}),
  })
  const assertDevice = async (id: string) => {
    await read(id)
  }
  const documents = createCredentialDocuments({ registry, clock, hear, expiry, assertDevice })
  const credentials = createDeviceCredentials({ documents, clock, randomBytes, lock, sealing, assertDevice })
  const { issuer } = deps
  const certificates = createDeviceCertificates({ registry, documents, clock, lock, issuer, assertDevice })

  const clearPrefix = async (collection: Collection, prefix: string) => {
    while ((await registry.deleteWhere(collection, { prefix, limit: pageSize })) === pageSize);
  }
  /** What hangs on an id. A removal that was cut short leaves some; none of it may come to a later device of the same id. */
  const clear = async (id: string) => {
    await clearPrefix('credentials', toCredentialPrefix(id))
    await registry.delete('presence', id)
    await registry.delete('shadows', id)
    await clearPrefix('commands', `${id}/`)
  }

  const create = async (id: string, input: NewDevice) => {
    if (await registry.get('devices', id)) throw new DomainError('ALREADY_EXISTS', `There is a device "${id}" already.`)
    await clear(id)
    const createdAt = new Date(clock.nowMicros() / 1000).toISOString()
    const { name = id, type = defaultType, tags = [] } = input
    const record: DeviceRecord = { id, name, type, tags: [...tags], createdAt }
    const secret = newSecret(randomBytes)
    const document = toCredentialDocument(id, secret.id)
    const credential = { device: id, kind: 'secret', hash: secret.hash, createdAt }
    // The credential first: alone it opens nothing, while a device without one would look made and could not be used.
    await registry.put('credentials', document, credential, 'new')
    let version: number | undefined
    try {
      const put = await registry.put('devices', id, { ...record }, 'new')
      if (!put.ok) throw new DomainError('ALREADY_EXISTS', `There is a device "${id}" already.`)
      version = put.version
    } finally {
      // A store that is away keeps the orphan; the next create of this id clears it.
      if (version === undefined) await registry.delete('credentials', document).catch(() => undefined)
    }
    typeIds.set(id, type)
    hear({ kind: 'created', device: record })
    return { device: view(record, version), credentials: { username: id, password: secret.password } }
  }

  const patch = async (id: string, change: DevicePatch, expected: number | undefined) => {
    for (let tries = 0; tries < maxPatchTries; tries++) {
      const { version, body } = await read(id)
      if (expected !== undefined && expected !== version) throw toConflict(id, version)
      const record: DeviceRecord = { ...body, ...change }
      const put = await registry.put('devices', id, { ...record }, version)
      if (!put.ok) continue
      typeIds.set(id, record.type)
      hear({ kind: 'changed', device: record })
      return view(record, put.version)
    }
    throw new DomainError('VERSION_CONFLICT', `The device "${id}" keeps changing. Try again.`)
  }

  async function* allDevices(): AsyncGenerator<Stored<DeviceBody>> {
    let cursor: string | undefined
    do {
      const page = await registry.list<DeviceBody>('devices', { limit: pageSize, ...(cursor ? { cursor } : {}) })
      yield* page.items
      cursor = page.nextCursor
    } while (cursor)
  }

  function followOne(id: string, body: DeviceBody | undefined): void {
    const known = typeIds.has(id)
    if (body) {
      typeIds.set(id, body.type)
      hear({ kind: known ? 'changed' : 'created', device: body })
    } else if (known) {
      typeIds.delete(id)
      hear({ kind: 'deleted', device: { id, name: id, type: defaultType, tags: [], createdAt: '' } })
    }
  }

  const enrol = createEnrolment({
    registry,
    clock,
    randomBytes,
    hear,
    lock,
    expiry,
    sealing,
    isSeen: (id) => statusOf(id).status !== 'never',
    clear,
    written: ({ id, type }) => typeIds.set(id, type),
  })

  return {
    ...credentials,
    ...certificates,
    enrol,
    async isProvisionedBy(id, key) {
      return (await registry.get<DeviceBody>('devices', id))?.body.provisionedBy === key
    },
    async load() {
      for await (const { id, body } of allDevices()) typeIds.set(id, body.type)
      await expiry.start()
    },
    async create(input) {
      assertForm(NewDevice, input)
      assertType(input.type)
      if (typeIds.size >= maxDevices) throw new DomainError('LIMIT_REACHED', `There are ${maxDevices} devices already.`)
      const id = input.id ?? newDeviceId(randomBytes)
      return lock(id, () => create(id, input))
    },
    async get(id) {
      const { version, body } = await read(id)
      return view(body, version)
    },
    list: createDeviceList({ registry, statusOf }),
    async patch(id, change, expected) {
      assertForm(DevicePatch, change)
      assertType(change.type)
      return lock(id, () => patch(id, change, expected))
    },
    remove: (id, expected) =>
      lock(id, async () => {
        const { version, body } = await read(id)
        if (expected !== undefined && expected !== version) throw toConflict(id, version)
        const gone = await registry.delete('devices', id, expected ?? 'any')
        if (!gone.ok && gone.version > 0) throw toConflict(id, gone.version)
        typeIds.delete(id)
        // From here nobody comes in under this id, and hearers end who is in. The rest is tidying.
        hear({ kind: 'deleted', device: body })
        await clear(id)
      }),
    async follow(ids) {
      if (ids === undefined) {
        const before = new Set(typeIds.keys())
        for await (const { body } of allDevices()) {
          before.delete(body.id)
          followOne(body.id, body)
        }
        for (const id of before) followOne(id, undefined)
        return
      }
      for (const id of ids) followOne(id, (await registry.get<DeviceBody>('devices', id))?.body)
    },
    typeOf: (id) => typeIds.get(id),
    ids: () => typeIds.keys(),
    heartbeatMs: (id) => types.effective(typeIds.get(id) ?? defaultType).heartbeatSeconds * 1000,
    get count() {
      return typeIds.size
    },
    close: () => expiry.close(),
  }
}

const toConflict = (id: string, version: number) =>
  new DomainError('VERSION_CONFLICT', `The device "${id}" is at version ${version}. Read it again.`)

function assertForm(schema: TSchema, input: NewDevice | DevicePatch): void {
  const fields = [...Value.Errors(schema, input)].map((error) => ({
    path: error.instancePath,
    code: error.keyword,
    message: error.message,
  }))
  if ('id' in input && input.id !== undefined && reservedIds.includes(input.id)) {
    fields.push({
      path: '/id',
      code: 'const',
      message: 'is a user name of the platform: applications and provisioning log in with it',
    })
  }
  if (fields.length > 0) throw new DomainError('FIELD_INVALID', 'The device is not well formed.', { fields })
}
