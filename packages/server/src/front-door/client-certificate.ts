import { createHash, X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { type SecureContextOptions, TLSSocket } from 'node:tls'
import type { ClientCertificate } from '@patchbay/sdk'

const deviceId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/
const deviceUri = /(?:^|, )URI:urn:patchbay:device:([A-Za-z0-9._:-]{1,128})(?:,|$)/

/** What a client certificate proves, or why it proves nothing; undefined without one. `authorities` are those that may vouch for devices. */
export function certificateOf(socket: Duplex, authorities: SecureContextOptions['ca']): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return undefined
  const fingerprint = createHash('sha256').update(certificate.raw).digest('hex')
  const id = idIn(certificate)
  if (socket.authorized) return id === undefined ? { problem: 'nameless', fingerprint } : { deviceId: id, fingerprint }
  const problem = problemOf(certificate, socket.authorizationError, authorities)
  return { problem, fingerprint, ...(id === undefined ? {} : { claimedId: id }) }
}

function idIn(certificate: X509Certificate): string | undefined {
  const { subject, subjectaltname } = certificate.toLegacyObject()
  const name: unknown = subject?.CN
  const id = deviceUri.exec(subjectaltname ?? '')?.[1] ?? name
  // Several CNs come as an array; such a subject names nobody.
  return typeof id === 'string' && deviceId.test(id) ? id : undefined
}

function problemOf(
  certificate: X509Certificate,
  reason: unknown,
  authorities: SecureContextOptions['ca'],
): 'foreign' | 'expired' | 'early' {
  // OpenSSL tells the last problem it met: a stranger's certificate may have expired as well.
  const isOurs = [authorities ?? []].flat().some((pem) => isIssuedBy(certificate, pem))
  const code = reason instanceof Error ? reason.message : reason
  if (!isOurs) return 'foreign'
  if (code === 'CERT_HAS_EXPIRED') return 'expired'
  return code === 'CERT_NOT_YET_VALID' ? 'early' : 'foreign'
}

function isIssuedBy(certificate: X509Certificate, authority: string | Buffer): boolean {
  try {
    const { publicKey } = new X509Certificate(authority)
    return certificate.verify(publicKey)
  } catch {
    // A signature that cannot even be tried with our key is nobody's of ours.
    return false
  }
}
