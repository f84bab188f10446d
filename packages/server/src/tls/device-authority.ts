import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import type { Authority } from '@patchbay/contracts/certificate'
import type { Clock } from '@patchbay/core/clock'
import type { CertificateIssuer } from '@patchbay/core/devices/device-certificates'
import type { SecretBox } from '../settings/secret-box.ts'
import { keyOfAuthority, readAuthority } from './own-certificate.ts'

export interface DeviceAuthority extends CertificateIssuer {
  /** The certificate that vouches for devices, and for the server where it has no other. */
  read(): Promise<Authority>
}

/**
 * Signs with the authority that `createTlsContexts` has made. Its key is read and unsealed for each certificate, so that it lies in memory no
 * longer than it is needed.
 */
export function createDeviceAuthority(options: { data: string; box: SecretBox; clock: Clock }): DeviceAuthority {
  const folder = join(options.data, 'tls')
  return {
    async check(csr) {
      const { readSigningRequest } = await import('./signing-request.ts')
      await readSigningRequest(csr)
    },
    async issue(request) {
      const cert = await readAuthority(folder)
      const key = await keyOfAuthority(folder, options.box)
      const { makeDeviceCertificate } = await import('./device-certificate.ts')
      const nowMs = Math.floor(options.clock.nowMicros() / 1000)
      const { endsMs, ...made } = await makeDeviceCertificate({ cert, key }, request, nowMs)
      return { ...made, authorityPem: cert, expiresAt: new Date(endsMs).toISOString() }
    },
    async read() {
      const pem = await readAuthority(folder)
      const { subject, validFrom, validTo, fingerprint256 } = new X509Certificate(pem)
      return {
        id: fingerprint256.replaceAll(':', '').toLowerCase(),
        subject,
        createdAt: new Date(validFrom).toISOString(),
        expiresAt: new Date(validTo).toISOString(),
        pem,
      }
    },
  }
}
