import { X509Certificate } from 'node:crypto'
import type { ServerCertificate } from '@patchbay/contracts/setting'
import { normaliseAddress } from '../settings/addresses.ts'
import type { TlsContexts } from './tls-contexts.ts'

/** `DNS:a.example, IP Address:10.0.0.1` by its names alone, each address in its one spelling. */
const namesOf = ({ subjectAltName = '' }: X509Certificate): string[] =>
  subjectAltName.split(', ').flatMap((each) => {
    const name = /^(?:DNS|IP Address):"?([^"]+)"?$/.exec(each)?.[1]
    return name === undefined ? [] : [normaliseAddress(name)]
  })

/** What clients are shown now, for a person. */
export function toServerCertificate(tls: Pick<TlsContexts, 'options' | 'source'>): ServerCertificate {
  const pem = String(tls.options().cert)
  const leaf = new X509Certificate(pem)
  return {
    source: tls.source(),
    subject: leaf.subject,
    issuer: leaf.issuer,
    names: namesOf(leaf),
    startsAt: new Date(leaf.validFrom).toISOString(),
    expiresAt: new Date(leaf.validTo).toISOString(),
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    chain: pem.split('-----BEGIN CERTIFICATE-----').length - 1,
  }
}
