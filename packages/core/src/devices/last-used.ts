import type { Clock } from '../clock.ts'
import type { RegistryStore } from '../registry/port.ts'
import type { KnownCredential } from './device-cache.ts'
import { toCredentialDocument } from './credential-record.ts'

/** A credential's last use is written at most this often. */
export const lastUsedEveryMs = 3_600_000
/** Writes under way; a login beyond them is written at a later one. */
export const maxLastUsedWrites = 200

/** Notes when credentials are used, without a login ever waiting for it. */
export function createLastUsed(deps: { registry: RegistryStore; clock: Clock; failed?: (error: unknown) => void }) {
  const { registry, clock } = deps
  let writing = 0
  return (device: string, credential: KnownCredential): void => {
    const nowMs = clock.nowMicros() / 1000
    const usedMs = credential.body.lastUsedAt === undefined ? 0 : Date.parse(credential.body.lastUsedAt)
    // The clock may have been set back: a use in the future is none.
    if ((nowMs - usedMs < lastUsedEveryMs && usedMs <= nowMs) || writing >= maxLastUsedWrites) return
    const body = { ...credential.body, lastUsedAt: new Date(nowMs).toISOString() }
    credential.body = body
    writing++
    // Against its version: this must never bring back a credential that was revoked meanwhile. Losing to such a write is right.
    registry
      .put('credentials', toCredentialDocument(device, credential.id), body, credential.version)
      .then((put) => {
        if (put.ok) credential.version = put.version
      })
      .catch((error: unknown) => deps.failed?.(error))
      .finally(() => writing--)
  }
}
