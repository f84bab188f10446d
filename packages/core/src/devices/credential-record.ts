import { createHash } from 'node:crypto'
import type { Credential } from '@patchbay/contracts/device'

/** Secrets of one device that are valid at the same time. */
export const maxCredentials = 10
/** Ended ones kept, so that who still uses one is told that it ended and not that it is wrong. */
export const maxEndedCredentials = 20
/** What a list of one device's credentials can come to. */
export const maxCredentialDocuments = 200
const secretBytes = 32
/**
 * 128 bits, as both cipher suites take. The key is the 22 characters of its text, which every client can be given, and which fits the
 * 32 bytes that small DTLS stacks reserve.
 */
const keyBytes = 16
const idBytes = 8

export type CredentialKind = 'secret' | 'certificate' | 'psk'

/** A document of `credentials`; its id is `{device}/{credential}`, and no device id holds a slash. */
export type CredentialBody = {
  device: string
  kind: CredentialKind
  /** SHA-256 in hex: of the secret or key, or of the certificate (its fingerprint). */
  hash: string
  /** A pre-shared key, encrypted: DTLS needs the key itself, so a hash would not do. */
  sealed?: string
  createdAt: string
  expiresAt?: string
  lastUsedAt?: string
  revoked?: boolean
  revokedAt?: string
  /** Serial number of a certificate, hex. */
  serial?: string
}

export const toCredentialDocument = (device: string, credential: string): string => `${device}/${credential}`
export const toCredentialPrefix = (device: string): string => `${device}/`
export const toCredentialId = (document: string): string => document.slice(document.indexOf('/') + 1)

export const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** 256 random bits need no slow hash. base64url holds no colon, at which HTTP Basic splits. */
export function newSecret(randomBytes: (size: number) => Uint8Array): { id: string; password: string; hash: string } {
  const password = Buffer.from(randomBytes(secretBytes)).toString('base64url')
  return { id: Buffer.from(randomBytes(idBytes)).toString('hex'), password, hash: digestOf(password).toString('hex') }
}

export function newPreSharedKey(randomBytes: (size: number) => Uint8Array): { id: string; key: string; hash: string } {
  const key = Buffer.from(randomBytes(keyBytes)).toString('base64url')
  return { id: Buffer.from(randomBytes(idBytes)).toString('hex'), key, hash: digestOf(key).toString('hex') }
}

/** µs at which it ends of itself. */
export const endOf = (body: CredentialBody): number =>
  body.expiresAt === undefined ? Infinity : Date.parse(body.expiresAt) * 1000

export const isEnded = (body: CredentialBody, nowMicros: number): boolean =>
  body.revoked === true || endOf(body) <= nowMicros

export const toCredential = (document: string, body: CredentialBody): Credential => ({
  id: toCredentialId(document),
  kind: body.kind === 'psk' ? 'psk' : 'secret',
  createdAt: body.createdAt,
  ...(body.expiresAt === undefined ? {} : { expiresAt: body.expiresAt }),
  ...(body.lastUsedAt === undefined ? {} : { lastUsedAt: body.lastUsedAt }),
})
