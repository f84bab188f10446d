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
  toCredentialDocument,
  toCredentialId,
  toCredentialPrefix,
  type CredentialBody,
  type CredentialKind,
} from './credential-record.ts'
import type { HearDeviceEvent } from './port.ts'

/** Tries to change a credential that logins stamp with their time meanwhile. */
const maxChangeTries = 10

export interface CredentialDocument {
  document: string
  body: CredentialBody
}

/** The stored credentials of one device, whatever their kind. Calls that write stand under the device's lock. */
export interface CredentialDocuments {
  readAll(device: string): Promise<Stored<CredentialBody>[]>
  /** Stores one more; with an overlap the earlier ones of its kind end so much later. */
  add(
    device: string,
    overlapSeconds: number | undefined,
    made: Pick<CredentialBody, 'kind' | 'hash' | 'sealed' | 'serial' | 'expiresAt' | 'revoked'> & { id: string },
  ): Promise<CredentialDocument>
  /** Ends one of these kinds at once, and the sessions that came with it. */
  end(device: string, credential: string, kinds: readonly CredentialKind[]): Promise<CredentialDocument>
}

export function createCredentialDocuments(deps: {
  registry: RegistryStore
  clock: Clock
  hear: HearDeviceEvent
  expiry: CredentialExpiry
  assertDevice: (device: string) => Promise<void>
}): CredentialDocuments {
  const { registry, clock, hear, expiry, assertDevice } = deps

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

  return {
    readAll,
    async add(device, overlapSeconds, made) {
      await assertDevice(device)
      const all = await readAll(device)
      // Whole milliseconds, as ISO times keep them: what ends now must have ended when it is read back.
      const nowMicros = Math.floor(clock.nowMicros() / 1000) * 1000
      const live = all.filter(({ body }) => body.kind === made.kind && !isEnded(body, nowMicros))
      if (overlapSeconds !== 0 && live.length >= maxCredentials) {
        throw new DomainError('LIMIT_REACHED', `${maxCredentials} of this kind are valid at once already. Delete one.`)
      }
      const { id, ...kept } = made
      const document = toCredentialDocument(device, id)
      const body: CredentialBody = { device, ...kept, createdAt: new Date(nowMicros / 1000).toISOString() }
      // The new one first: whatever fails after it, the device is not locked out.
      const put = await registry.put('credentials', document, body, 'new')
      if (!put.ok) throw new DomainError('ALREADY_EXISTS', 'The generated credential exists already. Try again.')
      if (body.expiresAt !== undefined) expiry.watch(device, id, endOf(body))
      if (overlapSeconds !== undefined) {
        for (const stored of live) await endAt(device, stored, nowMicros + overlapSeconds * 1_000_000)
      }
      hear({ kind: 'credentials-changed', device })
      await prune(all.filter(({ body: was }) => isEnded(was, nowMicros)))
      return { document, body }
    },
    async end(device, credential, kinds) {
      await assertDevice(device)
      const stored = await registry.get<CredentialBody>('credentials', toCredentialDocument(device, credential))
      if (!stored || !kinds.includes(stored.body.kind) || isEnded(stored.body, clock.nowMicros())) {
        const what = kinds.includes('certificate') ? 'valid certificate' : 'credential'
        throw new DomainError('NOT_FOUND', `The device "${device}" has no ${what} "${credential}".`)
      }
      const revokedAt = new Date(clock.nowMicros() / 1000).toISOString()
      const body = await change(stored, (was) => ({ ...was, revoked: true, revokedAt }))
      hear({ kind: 'credential-ended', device, credential })
      return { document: stored.id, body: body ?? stored.body }
    },
  }
}
