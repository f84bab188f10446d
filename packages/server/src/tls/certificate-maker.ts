// @peculiar/x509 reads its decorators' metadata while it loads.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

/** This module costs megabytes and tens of milliseconds to load: import it only when a certificate must be made. */

export interface Pair {
  /** PEM. */
  cert: string
  /** PEM, PKCS #8. */
  key: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
export const signing = { name: 'ECDSA', hash: 'SHA-256' } as const
const dayMs = 86_400_000
/** Devices without a good clock must not find a certificate that starts in their future. */
export const backdateMs = dayMs

export const makeKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])

export async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key)
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`
}

/** The key of the authority, ready to sign. */
export const importSigningKey = (pem: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, false, ['sign'])

/** Makes the certificate authority of this installation. */
export async function makeAuthority(nowMs: number, days: number): Promise<Pair> {
  const keys = await makeKeys()
  const made = new Date(nowMs).toISOString().slice(0, 10)
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=Patchbay authority of ${made}`,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + days * dayMs),
    keys,
    signingAlgorithm: signing,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: `${cert.toString('pem')}\n`, key: await toPem(keys.privateKey) }
}

/** Makes a server certificate for these names, signed by the authority. */
export async function makeServerCertificate(
  authority: Pair,
  names: readonly string[],
  nowMs: number,
  days: number,
): Promise<Pair> {
  const ca = new x509.X509Certificate(authority.cert)
  const signingKey = await importSigningKey(authority.key)
  const keys = await makeKeys()
  const cert = await x509.X509CertificateGenerator.create({
    subject: 'CN=Patchbay',
    issuer: ca.subject,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + days * dayMs),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: signing,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: `${cert.toString('pem')}\n`, key: await toPem(keys.privateKey) }
}
