import { X509Certificate } from 'node:crypto'
import type { Ssl } from './schemas.ts'

/** What a certificate says of itself, for people who look after it; its key is not in it. */
export interface CertificateFacts {
  id: string
  type: Ssl['type']
  enabled: boolean
  names: string[]
  /** Why it cannot be read, instead of what follows. */
  fault?: string
  subject?: string
  issuer?: string
  validFrom?: string
  validTo?: string
  /** SHA-256. */
  fingerprint?: string
  /** Clients need a certificate of this authority. */
  clientAuthority?: string
}

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
