import type {
  CertificateStatus,
  DeviceCertificate,
  IssuedCertificate,
  NewCertificate,
} from '@patchbay/contracts/certificate'
import { defaultCertificateDays } from '@patchbay/contracts/certificate'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { ListQuery, RegistryStore } from '../registry/port.ts'
import type { CredentialDocuments } from './credential-documents.ts'
import { isEnded, toCredentialId, type CredentialBody } from './credential-record.ts'
import type { DeviceLock } from './device-lock.ts'

/** Signs certificates with the authority's key. Rejects with CSR_INVALID for a request that it cannot sign. */
export interface CertificateIssuer {
  /** Whether a request could be signed, without signing it. */
  check(csr: string): Promise<void>
  issue(request: { device: string; csr?: string; days: number }): Promise<{
    certificatePem: string
    /** Absent after a signing request, whose key the device has. */
    privateKeyPem?: string
    authorityPem: string
    /** SHA-256, hex. */
    fingerprint: string
    serial: string
    /** ISO 8601. */
    expiresAt: string
  }>
}

export interface CertificateQuery {
  device?: string
  status?: CertificateStatus
  limit: number
  cursor?: string
}

export interface DeviceCertificates {
  /** Rejects with CSR_INVALID, or CERTIFICATES_OFF: for who must know before a device is made for the request. */
  checkSigningRequest(csr: string): Promise<void>
  /** One more certificate for the device. Its private key, where one is made, is in the answer and nowhere else. */
  issueCertificate(device: string, options?: NewCertificate): Promise<IssuedCertificate>
  /** Those of one device, or of all with the devices' ids in order. */
  listCertificates(query: CertificateQuery): Promise<{ items: DeviceCertificate[]; nextCursor?: string }>
  /** The sessions that came with it end, and it opens nothing from now on. Without the device it is looked for. */
  revokeCertificate(certificate: string, device?: string): Promise<DeviceCertificate>
}

export function createDeviceCertificates(deps: {
  registry: RegistryStore
  documents: CredentialDocuments
  clock: Clock
  lock: DeviceLock
  issuer: CertificateIssuer | undefined
  assertDevice: (device: string) => Promise<void>
}): DeviceCertificates {
  const { registry, documents, clock, lock, issuer, assertDevice } = deps

  const view = (id: string, body: CredentialBody): DeviceCertificate => ({
    id: toCredentialId(id),
    device: body.device,
    serial: body.serial ?? '',
    status: body.revoked ? 'revoked' : isEnded(body, clock.nowMicros()) ? 'expired' : 'valid',
    createdAt: body.createdAt,
    expiresAt: body.expiresAt ?? '',
    ...(body.revokedAt === undefined ? {} : { revokedAt: body.revokedAt }),
    ...(body.lastUsedAt === undefined ? {} : { lastUsedAt: body.lastUsedAt }),
  })

  const theIssuer = (): CertificateIssuer => {
    if (issuer) return issuer
    throw new DomainError('CERTIFICATES_OFF', 'This installation has no certificate authority.')
  }

  const issue = async (device: string, { csr, days = defaultCertificateDays, overlapSeconds }: NewCertificate) => {
    const signer = theIssuer()
    // Before anything is signed.
    await assertDevice(device)
    const made = await signer.issue({ device, days, ...(csr === undefined ? {} : { csr }) })
    const { certificatePem, privateKeyPem, authorityPem, fingerprint, serial, expiresAt } = made
    const { document, body } = await documents.add(device, overlapSeconds, {
      id: fingerprint,
      kind: 'certificate',
      hash: fingerprint,
      serial,
      expiresAt,
      // Said outright, so that lists can ask for it.
      revoked: false,
    })
    const shown = { certificate: view(document, body), certificatePem, authorityPem }
    return privateKeyPem === undefined ? shown : { ...shown, privateKeyPem }
  }

  const findDevice = async (certificate: string): Promise<string> => {
    const where = { hash: certificate, kind: 'certificate' }
    const found = (await registry.list<CredentialBody>('credentials', { where, limit: 1 })).items[0]
    if (!found) throw new DomainError('NOT_FOUND', `There is no certificate "${certificate}".`)
    return found.body.device
  }

  return {
    checkSigningRequest: async (csr) => theIssuer().check(csr),
    issueCertificate: (device, options = {}) => lock(device, () => issue(device, options)),
    async listCertificates({ device, status, limit, cursor }) {
      if (device !== undefined) await assertDevice(device)
      const query: ListQuery = {
        where: { kind: 'certificate', ...(device === undefined ? {} : { device }), ...toWhere(status) },
        ...toRange(status, new Date(clock.nowMicros() / 1000).toISOString()),
        sort: { by: 'id' },
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      }
      const page = await registry.list<CredentialBody>('credentials', query)
      const items = page.items.map(({ id, body }) => view(id, body))
      return { items, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) }
    },
    async revokeCertificate(certificate, device) {
      const owner = device ?? (await findDevice(certificate))
      const { document, body } = await lock(owner, () => documents.end(owner, certificate, ['certificate']))
      return view(document, body)
    },
  }
}

const toWhere = (status: CertificateStatus | undefined) =>
  status === undefined ? {} : { revoked: status === 'revoked' }

const toRange = (status: CertificateStatus | undefined, now: string): Pick<ListQuery, 'range'> => {
  if (status === 'valid') return { range: { field: 'expiresAt', from: now } }
  return status === 'expired' ? { range: { field: 'expiresAt', to: now } } : {}
}
