import { DeviceId } from '@patchbay/contracts/id'
import { Value } from 'typebox/value'
import type { Clock } from '../clock.ts'
import { refuse } from '../errors.ts'
import type { RegistryStore } from '../registry/port.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { isEnded, maxCredentialDocuments, toCredentialPrefix, type CredentialBody } from './credential-record.ts'
import type { LoginLimiter } from './login-limiter.ts'

/** Seals what is kept at rest. Opening throws for what another key sealed. */
export interface Sealing {
  seal(text: string): string
  open(sealed: string): string
}

/** The keys of a device that a DTLS layer may see proved. Rejects with Refused for an address that has guessed too often. */
export type PreSharedKeys = (device: string, address: string) => Promise<readonly Uint8Array[]>

export function createPreSharedKeys(deps: {
  registry: RegistryStore
  clock: Clock
  sealing: Pick<Sealing, 'open'>
  limiter: Pick<LoginLimiter, 'assertMayTry'>
  failed?: (error: unknown) => void
}): PreSharedKeys {
  const { registry, clock, sealing, limiter } = deps

  const open = (sealed: string): Uint8Array[] => {
    try {
      return [Buffer.from(sealing.open(sealed))]
    } catch (error) {
      // Sealed with another master key: this key opens nothing any more, another one of the device may.
      deps.failed?.(error)
      return []
    }
  }

  return async (device, address) => {
    limiter.assertMayTry(address, device)
    if (!Value.Check(DeviceId, device)) return []
    try {
      const query = { prefix: toCredentialPrefix(device), limit: maxCredentialDocuments }
      const { items } = await registry.list<CredentialBody>('credentials', query)
      const now = clock.nowMicros()
      return items.flatMap(({ body }) => (body.sealed === undefined || isEnded(body, now) ? [] : open(body.sealed)))
    } catch (error) {
      if (error instanceof StoreUnavailable) throw refuse('STORE_UNAVAILABLE', undefined, { cause: error })
      throw error
    }
  }
}
