import { DomainError, refuse } from '@patchbay/core/errors'
import type { Devices } from '@patchbay/core/devices/directory'
import type { CertificateIssuer } from '@patchbay/core/provisioning/port'

/** A device that asks again has lost the answer, which may still be on its way: its earlier certificate stays good for so long. */
const overlapSeconds = 600

/** Certificates for devices that come to be provisioned. */
export const createProvisionedCertificates = (
  devices: Pick<Devices, 'checkSigningRequest' | 'issueCertificate'>,
): CertificateIssuer => ({
  checkRequest: (_device, csr) => inWordsOfProvisioning(devices.checkSigningRequest(csr)),
  async issueCertificate(device, csr) {
    const issued = await inWordsOfProvisioning(devices.issueCertificate(device, { csr, overlapSeconds }))
    return { certificate: issued.certificatePem, authority: issued.authorityPem }
  },
})

async function inWordsOfProvisioning<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const isAsked = cause instanceof DomainError && cause.status >= 400 && cause.status < 500
    if (isAsked) throw refuse('PROVISION_CERTIFICATE', cause.message, { cause })
    throw cause
  }
}
