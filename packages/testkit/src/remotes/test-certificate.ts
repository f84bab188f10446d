import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'

const algorithms = {
  ecdsa: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
} as const
const dayMs = 86_400_000

/** A certificate of its own authority for these names: trusted by who is given `cert` as authority, and by nobody else. */
export async function makeTestCertificate(
  names: readonly string[],
  kind: keyof typeof algorithms = 'ecdsa',
): Promise<{ cert: string; key: string }> {
  // Loaded by the few tests that need it. @peculiar/x509 reads its decorators' metadata while it loads.
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const algorithm = algorithms[kind]
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const nowMs = Date.now()
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Patchbay test',
    notBefore: new Date(nowMs - dayMs),
    notAfter: new Date(nowMs + dayMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    ],
  })
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { cert: cert.toString('pem'), key: x509.PemConverter.encode(der, 'PRIVATE KEY') }
}
