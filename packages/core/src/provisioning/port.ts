import type { IssuedCertificate } from '@patchbay/contracts/provisioning'
import type { RefusedError } from '@patchbay/contracts/session'

/** The certificate authority, as far as provisioning needs one. Both reject with `Refused`. */
export interface CertificateIssuer {
  /** Looks at a request before a device is made for it, so that a bad one uses up nothing. */
  checkRequest?(deviceId: string, csrPem: string): Promise<void>
  /** Issues a certificate by which this device, and no other, logs in. */
  issueCertificate(deviceId: string, csrPem: string): Promise<IssuedCertificate>
}

/** Somebody who has proved a provisioning key. */
export interface Asker {
  /** The key's id. */
  key: string
  protocol: string
  address: string
}

/** What goes back to who asked; with `refused` it says why nothing was given. */
export interface ProvisionAnswer {
  bytes: Uint8Array
  refused?: RefusedError
}

/** Answers one request of one device, as it was parsed. Never rejects. */
export type Provision = (asker: Asker, payload: unknown) => Promise<ProvisionAnswer>

/** Slows down who tries what is not his; a refusal of it is thrown. */
export interface Limiter {
  assertMayTry(address: string, device: string): void
  refused(address: string, device: string): void
  accepted(address: string, device: string): void
}

/** The audit trail. */
export interface Trail {
  isFull(): boolean
  record(event: {
    actor: string
    address: string
    action: string
    target: string
    outcome: 'done'
    status: number
    requestId: string
  }): void
}
