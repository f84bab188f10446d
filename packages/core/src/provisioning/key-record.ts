import type { ProvisioningKey, ProvisioningStrategy } from '@patchbay/contracts/provisioning'
import type { Stored } from '../registry/port.ts'

/** Where one device was counted and it is not known yet that it was made. */
export interface Reservation {
  /** Of one run of the platform. */
  token: string
  device: string
}

/** A document of `provisioning_keys`; its id is the beginning of the key's hash. */
export type KeyBody = {
  name: string
  strategy: ProvisioningStrategy
  type?: string
  tags: string[]
  idPrefix?: string
  quota?: number
  /** Devices, with those of `pending`. */
  used: number
  pending: Reservation[]
  reprovision: boolean
  enabled: boolean
  /** SHA-256 of the key in hex. */
  hash: string
  /** Goes into the ids that are made from claims, so that an id tells nothing of the claim. */
  salt: string
  prefix: string
  createdAt: string
  createdBy?: string
  expiresAt?: string
  lastUsedAt?: string
}

export function toProvisioningKey({ id, version, body }: Stored<KeyBody>): ProvisioningKey {
  const { hash: _hash, salt: _salt, pending: _pending, ...shown } = body
  return { id, ...shown, version }
}

/** Why the key opens nothing now; undefined = it does. */
export function endOfKey(body: KeyBody, nowMicros: number): string | undefined {
  if (!body.enabled) return 'This provisioning key is switched off.'
  const over = body.expiresAt !== undefined && Date.parse(body.expiresAt) * 1000 <= nowMicros
  return over ? 'This provisioning key has expired.' : undefined
}
