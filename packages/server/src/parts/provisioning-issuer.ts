import type { Devices } from '@patchbay/core/devices/directory'
import { DomainError, refuse } from '@patchbay/core/errors'
import type { CertificateIssuer } from '@patchbay/core/provisioning/port'

/** Lets provisioning issue certificates of devices, and says in its words what a signing request lacks. */
export const createProvisioningIssuer = (
  devices: Pick<Devices, 'checkSigningRequest' | 'issueCertificate'>,
): CertificateIssuer => ({
  async checkRequest(_device, csr) {
    try {
      await devices.checkSigningRequest(csr)
    } catch (error) {
      if (error instanceof DomainError) throw refuse('PROVISION_CERTIFICATE', error.message, { cause: error })
      throw error
    }
  },
  async issueCertificate(device, csr) {
    const { certificatePem, authorityPem } = await devices.issueCertificate(device, { csr })
    return { certificate: certificatePem, authority: authorityPem }
  },
})
