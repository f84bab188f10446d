import { timingSafeEqual } from 'node:crypto'
import type { CredentialKind } from './credential-record.ts'
import type { KnownCredential, KnownDevice } from './device-cache.ts'

export type Check =
  | { is: 'good' | 'ended'; known: KnownDevice; credential: KnownCredential }
  | { is: 'wrong'; known: KnownDevice }
  | { is: 'unknown' }

/** Compared at least, whatever there is, so that the time does not tell whether a device is registered. */
const leastCompares = 4
const nothing = Buffer.alloc(32)

/** Holds a digest against all credentials of a device, without stopping at the first that fits. */
export function checkCredential(
  known: KnownDevice | undefined,
  kind: CredentialKind,
  digest: Buffer,
  nowMicros: number,
): Check {
  const credentials = known?.credentials ?? []
  let good: KnownCredential | undefined
  let ended: KnownCredential | undefined
  for (let at = 0; at < Math.max(credentials.length, leastCompares); at++) {
    const credential = credentials[at]
    const kept = credential?.digest.length === digest.length ? credential.digest : nothing
    if (!timingSafeEqual(kept, digest) || credential?.body.kind !== kind) continue
    if (credential.body.revoked || credential.endsMicros <= nowMicros) ended = credential
    else good = credential
  }
  if (!known) return { is: 'unknown' }
  if (good) return { is: 'good', known, credential: good }
  return ended ? { is: 'ended', known, credential: ended } : { is: 'wrong', known }
}
