import type { Credential, DeviceKey, DeviceLogin } from '@patchbay/contracts/device'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore, Stored } from '../registry/port.ts'
import type { CredentialExpiry } from './credential-expiry.ts'
import {
  endOf,
  isEnded,
  maxCredentialDocuments,
  maxCredentials,
  maxEndedCredentials,
  newPreSharedKey,
  newSecret,
  toCredential,
  toCredentialDocument,
  toCredentialId,
  toCredentialPrefix,
  type CredentialBody,
} from './credential-record.ts'
import type { DeviceLock } from './device-lock.ts'
import type { HearDeviceEvent } from './port.ts'
import type { Sealing } from './pre-shared-keys.ts'

/** Tries to change a credential that logins stamp with their time meanwhile. */
const maxChangeTries = 10

export interface DeviceCredentials {
  listCredentials(device: string): Promise<Credential[]>
  /** A new secret, shown this once. The earlier ones end after the overlap, at once without one. */
  rotate(device: string, overlapSeconds?: number): Promise<{ credential: Credential; credentials: DeviceLogin }>
  /** The same for the pre-shared key of CoAP over DTLS; the device's other secrets stay. */
  rotateKey(device: string, overlapSeconds?: number): Promise<{ credential: Credential; preSharedKey: DeviceKey }>
  removeCredential(device: string, credential: string): Promise<void>
}

export function createDeviceCredentials(deps: {
  registry: RegistryStore
  clock: Clock
  randomBytes: (size: number) => Uint8Array
  hear: HearDeviceEvent
  lock: DeviceLock
  expiry: CredentialExpiry
  sealing: Pick<Sealing, 'seal'>
  assertDevice: (device: string) => Promise<void>
}): DeviceCredentials {
  const { registry, clock, hear, lock, expiry, sealing, assertDevice } = deps

  const readAll = async (device: string): Promise<Stored<CredentialBody>[]> => {
    const query = { prefix: toCredentialPrefix(device), limit: maxCredentialDocuments }
    return (await registry.list<CredentialBody>('credentials', query)).items
  }

  /** Changes one credential whatever its version; answers what it became, undefined when it is gone. */
  const change = async (
    from: Stored<CredentialBody>,
    to: (body: CredentialBody) => CredentialBody,
  ): Promise<CredentialBody | undefined> => {
    let stored: Stored<CredentialBody> | undefined = from
    for (let tries = 0; stored && tries < maxChangeTries; tries++) {
      const body = to(stored.body)
      const put = await registry.put('credentials', stored.id, body, stored.version)
      if (put.ok) return body
      stored = await registry.get<CredentialBody>('credentials', stored.id)
    }
    if (stored) throw new DomainError('VERSION_CONFLICT', 'The credential keeps changing. Try again.')
    return undefined
  }

  /** Ends it at `endsAt` unless it ends before. */
  const endAt = async (device: string, stored: Stored<CredentialBody>, endsMicros: number) => {
    const expiresAt = new Date(endsMicros / 1000).toISOString()
    const body = await change(stored, (was) => (endOf(was) <= endsMicros ? was : { ...was, expiresAt }))
    const credential = toCredentialId(stored.id)
    if (!body || isEnded(body, clock.nowMicros())) hear({ kind: 'credential-ended', device, credential })
    else expiry.watch(device, credential, endOf(body))
  }

  const prune = async (ended: Stored<CredentialBody>[]) => {
    const oldestFirst = ended.sort((a, b) => (a.body.createdAt < b.body.createdAt ? -1 : 1))
    for (const { id } of oldestFirst.slice(0, Math.max(0, ended.length - maxEndedCredentials))) {
      await registry.delete('credentials', id)
    }
  }

  /** Stores the new one, ends the earlier ones of its kind, and answers it without its secret. */
  const replace = async (
    device: string,
    overlapSeconds: number,
    made: Pick<CredentialBody, 'kind' | 'hash' | 'sealed'> & { id: string },
  ): Promise<Credential> => {
    await assertDevice(device)
    const all = await readAll(device)
    // Whole milliseconds, as ISO times keep them: what ends now must have ended when it is read back.
    const nowMicros = Math.floor(clock.nowMicros() / 1000) * 1000
    const live = all.filter(({ body }) => body.kind === made.kind && !isEnded(body, nowMicros))
    if (overlapSeconds > 0 && live.length >= maxCredentials) {
      throw new DomainError('LIMIT_REACHED', `${maxCredentials} secrets are valid at once already. Delete one.`)
    }
    const { id, ...kept } = made
    const document = toCredentialDocument(device, id)
    const body: CredentialBody = { device, ...kept, createdAt: new Date(nowMicros / 1000).toISOString() }
    // The new one first: whatever fails after it, the device is not locked out.
    const put = await registry.put('credentials', document, body, 'new')
    if (!put.ok) throw new DomainError('ALREADY_EXISTS', 'The generated credential exists already. Try again.')
    for (const stored of live) await endAt(device, stored, nowMicros + overlapSeconds * 1_000_000)
    hear({ kind: 'credentials-changed', device })
    await prune(all.filter(({ body: was }) => isEnded(was, nowMicros)))
    return toCredential(document, body)
  }

  const rotate = async (device: string, overlapSeconds: number) => {
    const { password, ...made } = newSecret(deps.randomBytes)
    const credential = await replace(device, overlapSeconds, { kind: 'secret', ...made })
    return { credential, credentials: { username: device, password } }
  }

  const rotateKey = async (device: string, overlapSeconds: number) => {
    const { key, ...made } = newPreSharedKey(deps.randomBytes)
    const credential = await replace(device, overlapSeconds, { kind: 'psk', sealed: sealing.seal(key), ...made })
    return { credential, preSharedKey: { identity: device, key } }
  }

  return {
    async listCredentials(device) {
      await assertDevice(device)
      const now = clock.nowMicros()
      return (await readAll(device))
        .filter(({ body }) => body.kind !== 'certificate' && !isEnded(body, now))
        .sort((a, b) => (a.body.createdAt < b.body.createdAt ? -1 : 1))
        .map(({ id, body }) => toCredential(id, body))
    },
    rotate: (device, overlapSeconds = 0) => lock(device, () => rotate(device, overlapSeconds)),
    rotateKey: (device, overlapSeconds = 0) => lock(device, () => rotateKey(device, overlapSeconds)),
    removeCredential: (device, credential) =>
      lock(device, async () => {
        await assertDevice(device)
        const stored = await registry.get<CredentialBody>('credentials', toCredentialDocument(device, credential))
        if (!stored || isEnded(stored.body, clock.nowMicros())) {
          throw new DomainError('NOT_FOUND', `The device "${device}" has no credential "${credential}".`)
        }
        await change(stored, (body) => ({ ...body, revoked: true }))
        hear({ kind: 'credential-ended', device, credential })
      }),
  }
}
