import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore, Stored } from '../registry/port.ts'
import type { CredentialExpiry } from './credential-expiry.ts'
import {
  type CredentialBody,
  endOf,
  isEnded,
  maxCredentialDocuments,
  maxCredentials,
  maxEndedCredentials,
  newPreSharedKey,
  newSecret,
  toCredentialDocument,
  toCredentialId,
  toCredentialPrefix,
} from './credential-record.ts'
import type { DeviceBody } from './device-record.ts'
import type { DeviceLock } from './device-lock.ts'
import type { DeviceRecord, Enrol, Enrolled, HearDeviceEvent, Judge } from './port.ts'
import type { Sealing } from './pre-shared-keys.ts'

/**
 * An answer that was lost may still be on its way: a secret that was given before and never used stays good for so long beside the new
 * one, or a device that gets both could take the wrong one.
 */
export const unusedOverlapMs = 600_000
const maxChangeTries = 10

export interface EnrolmentOptions {
  registry: RegistryStore
  clock: Clock
  randomBytes: (size: number) => Uint8Array
  hear: HearDeviceEvent
  lock: DeviceLock
  expiry: CredentialExpiry
  sealing: Pick<Sealing, 'seal'>
  isSeen: (id: string) => boolean
  /** What a removal that was cut short has left under this id. */
  clear: (id: string) => Promise<void>
  /** The device is written. */
  written: (record: DeviceRecord) => unknown
}

export function createEnrolment(options: EnrolmentOptions): Enrol {
  const { registry, clock, randomBytes, hear, lock, expiry, sealing } = options

  function newCredential(device: string, kind: 'secret' | 'psk') {
    if (kind === 'secret') {
      const { id, password, hash } = newSecret(randomBytes)
      return { id, kept: { kind, hash }, shown: { credentials: { username: device, password } } }
    }
    const { id, key, hash } = newPreSharedKey(randomBytes)
    return { id, kept: { kind, hash, sealed: sealing.seal(key) }, shown: { preSharedKey: { identity: device, key } } }
  }

  async function end(device: string, from: Stored<CredentialBody>, atOnce: boolean): Promise<void> {
    let stored: Stored<CredentialBody> | undefined = from
    for (let tries = 0; stored && tries < maxChangeTries; tries++) {
      const { body }: Stored<CredentialBody> = stored
      const isKept = !atOnce && body.lastUsedAt === undefined
      const ends = Math.min(endOf(body), clock.nowMicros() + unusedOverlapMs * 1000)
      const next = isKept ? { ...body, expiresAt: new Date(ends / 1000).toISOString() } : { ...body, revoked: true }
      const put = await registry.put('credentials', stored.id, next, stored.version)
      if (put.ok) {
        const credential = toCredentialId(stored.id)
        if (isKept) expiry.watch(device, credential, endOf(next))
        else hear({ kind: 'credential-ended', device, credential })
        return
      }
      stored = await registry.get<CredentialBody>('credentials', stored.id)
    }
    if (stored) throw new DomainError('VERSION_CONFLICT', 'The credential keeps changing. Ask again.')
  }

  async function prune(earlier: readonly Stored<CredentialBody>[]): Promise<void> {
    const nowMicros = clock.nowMicros()
    const ended = earlier.filter(({ body }) => isEnded(body, nowMicros))
    ended.sort((a, b) => (a.body.createdAt < b.body.createdAt ? -1 : 1))
    for (const { id } of ended.slice(0, Math.max(0, ended.length - maxEndedCredentials))) {
      await registry.delete('credentials', id)
    }
  }

  async function enrol(id: string, kind: 'secret' | 'psk', judge: Judge): Promise<Enrolled> {
    const stored = await registry.get<DeviceBody>('devices', id)
    const query = { prefix: toCredentialPrefix(id), limit: maxCredentialDocuments }
    const earlier = stored ? (await registry.list<CredentialBody>('credentials', query)).items : []
    const isUsed = options.isSeen(id) || earlier.some(({ body }) => body.lastUsedAt !== undefined)
    if (!stored) await options.clear(id)
    const verdict = await judge(stored && { record: stored.body, isUsed })
    const record = verdict === 'again' ? stored?.body : verdict
    if (!record) throw new DomainError('NOT_FOUND', `There is no device "${id}".`)
    const made = newCredential(id, kind)
    const nowMicros = clock.nowMicros()
    const createdAt = new Date(nowMicros / 1000).toISOString()
    const credential: CredentialBody = { device: id, ...made.kept, createdAt }
    // First, as for any device: alone it opens nothing, while a device without one would look made.
    await registry.put('credentials', toCredentialDocument(id, made.id), credential, 'new')
    if (verdict !== 'again') {
      const put = await registry.put('devices', id, { ...verdict }, stored?.version ?? 'new')
      if (!put.ok) {
        await registry.delete('credentials', toCredentialDocument(id, made.id))
        throw new DomainError('VERSION_CONFLICT', `The device "${id}" was changed meanwhile. Ask again.`)
      }
      options.written(verdict)
      hear({ kind: stored ? 'changed' : 'created', device: verdict })
    }
    hear({ kind: 'credentials-changed', device: id })
    const live = earlier.filter(({ body }) => body.kind !== 'certificate' && !isEnded(body, nowMicros))
    live.sort((a, b) => (a.body.createdAt < b.body.createdAt ? -1 : 1))
    for (const [at, each] of live.entries()) {
      await end(id, each, verdict !== 'again' || at < live.length - maxCredentials + 1)
    }
    await prune(earlier)
    return { record, ...made.shown }
  }

  return (id, kind, judge) => lock(id, () => enrol(id, kind, judge))
}
