import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Generated secrets have this many bits, so a plain SHA-256 keeps them. */
const secretBytes = 32

export const createSecret = (): string => randomBytes(secretBytes).toString('base64url')

export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** Compares digests (never the secrets), so that the time taken tells nothing. */
export const isDigestOf = (digest: string, secret: string): boolean => {
  const given = Buffer.from(digestOf(secret), 'hex')
  const kept = Buffer.from(digest, 'hex')
  return given.length === kept.length && timingSafeEqual(given, kept)
}
