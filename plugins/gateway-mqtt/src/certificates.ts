import { X509Certificate } from 'node:crypto'
import type { CertificateFacts } from './overview-schemas.ts'
import type { Ssl } from './schemas.ts'

const toLine = (name: string): string => name.split('\n').join(', ')

/** The certificates (ssls) in force, of the file and of the Admin API. */
export const listCertificates = (ssls: ReadonlyMap<string, Ssl>): CertificateFacts[] =>
  [...ssls].map(([id, { type, status, sni, snis = [], cert, client }]) => {
    const facts = { id, type, enabled: status === 1, names: [...(sni === undefined ? [] : [sni]), ...snis] }
    try {
      const { subject, issuer, validFromDate, validToDate, fingerprint256: fingerprint } = new X509Certificate(cert)
      return {
        ...facts,
        subject: toLine(subject),
        issuer: toLine(issuer),
        validFrom: validFromDate.toISOString(),
        validTo: validToDate.toISOString(),
        fingerprint,
        ...(client ? { clientAuthority: toLine(new X509Certificate(client.ca).subject) } : {}),
      }
    } catch (error) {
      return { ...facts, fault: error instanceof Error ? error.message : 'unknown' }
    }
  })
