import { Type, type Static } from 'typebox'
import { DeviceId, Time } from './id.ts'

/** Text of a certificate signing request, at most: one of RSA 4096 takes 1.7 KiB. */
export const maxCsrCharacters = 8192
/** Days a device certificate is good for when nothing is said, and at most. */
export const defaultCertificateDays = 365
export const maxCertificateDays = 3650

/** The SHA-256 fingerprint in hex, as `openssl x509 -fingerprint -sha256` prints it, without colons and in lower case. */
export const Fingerprint = Type.String({
  pattern: '^[0-9a-f]{64}$',
  description: 'SHA-256 fingerprint of the certificate, hex',
})

export const CertificateStatus = Type.Union([Type.Literal('valid'), Type.Literal('expired'), Type.Literal('revoked')])
export type CertificateStatus = Static<typeof CertificateStatus>

/** A certificate that the authority issued to a device, without anything secret. */
export const DeviceCertificate = Type.Object(
  {
    id: Fingerprint,
    device: DeviceId,
    serial: Type.String({ description: 'Serial number, hex' }),
    status: CertificateStatus,
    createdAt: Time,
    expiresAt: Time,
    revokedAt: Type.Optional(Time),
    lastUsedAt: Type.Optional(Time),
  },
  { $id: 'DeviceCertificate' },
)
export type DeviceCertificate = Static<typeof DeviceCertificate>

export const NewCertificate = Type.Object(
  {
    csr: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: maxCsrCharacters,
        description:
          'Certificate signing request, PEM (PKCS #10), with a key of EC P-256, P-384, Ed25519 or RSA of 2048 to 4096 bits. The names in it are not looked at. Without one, a key is made and answered here once.',
      }),
    ),
    days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: maxCertificateDays,
        default: defaultCertificateDays,
        description: 'How long it is good for; never longer than the authority itself',
      }),
    ),
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2_592_000,
        description: 'Ends the earlier certificates of the device so much later; without it they stay as they are',
      }),
    ),
  },
  { additionalProperties: false },
)
export type NewCertificate = Static<typeof NewCertificate>

/** All that a device needs to log in with it. */
export const IssuedCertificate = Type.Object({
  certificate: DeviceCertificate,
  certificatePem: Type.String(),
  privateKeyPem: Type.Optional(
    Type.String({ description: 'PKCS #8, answered this once and kept nowhere; absent after a signing request' }),
  ),
  authorityPem: Type.String({ description: 'The certificate of the authority' }),
})
export type IssuedCertificate = Static<typeof IssuedCertificate>

/** The certificate authority of this installation. */
export const Authority = Type.Object(
  {
    id: Fingerprint,
    subject: Type.String(),
    createdAt: Time,
    expiresAt: Time,
    pem: Type.String(),
  },
  { $id: 'Authority' },
)
export type Authority = Static<typeof Authority>
