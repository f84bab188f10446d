import { randomBytes, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { backdateMs, importSigningKey, makeKeys, type Pair, signing, toPem } from './certificate-maker.ts'
import { readSigningRequest } from './signing-request.ts'

/** This module costs megabytes to load: import it only when a certificate must be made. */

/** What a common name may hold. [X.520, ub-common-name] */
const maxCommonName = 64
const serialBytes = 16
const dayMs = 86_400_000

export interface MadeCertificate {
  certificatePem: string
  privateKeyPem?: string
  fingerprint: string
  serial: string
  endsMs: number
}

/** Makes the certificate by which a device logs in: for the key of a signing request, else for a new one. Rejects with CSR_INVALID. */
export async function makeDeviceCertificate(
  authority: Pair,
  request: { device: string; csr?: string; days: number },
  nowMs: number,
): Promise<MadeCertificate> {
  const { device, csr, days } = request
  const keys = csr === undefined ? await makeKeys() : undefined
  const publicKey = keys ? keys.publicKey : await readSigningRequest(csr ?? '')
  const ca = new x509.X509Certificate(authority.cert)
  const endsMs = Math.floor(Math.min(nowMs + days * dayMs, ca.notAfter.getTime()) / 1000) * 1000
  const short = device.length <= maxCommonName
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    // Ids hold nothing that a distinguished name would need to escape.
    subject: short ? `CN=${device}` : 'O=Patchbay device',
    issuer: ca.subject,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(endsMs),
    publicKey,
    signingKey: await importSigningKey(authority.key),
    signingAlgorithm: signing,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ...(short
        ? []
        : [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `urn:patchbay:device:${device}` }])]),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  const pem = `${certificate.toString('pem')}\n`
  const { fingerprint256, serialNumber } = new X509Certificate(pem)
  return {
    certificatePem: pem,
    ...(keys ? { privateKeyPem: await toPem(keys.privateKey) } : {}),
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
    serial: serialNumber.toLowerCase(),
    endsMs,
  }
}

/** Positive, of one length, and from a generator of random numbers. [CA/Browser Forum, 7.1] */
function newSerial(): string {
  const bytes = randomBytes(serialBytes)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}
