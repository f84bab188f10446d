import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
const version = 'v1'
const ivBytes = 12
const tagBytes = 16

/** A sealed text that cannot be opened: sealed with another key, cut, or changed. */
export class SecretUnreadable extends Error {
  override readonly name = 'SecretUnreadable'
  readonly code = 'SECRET_UNREADABLE'
}

/** Keeps secrets at rest: AES-256-GCM under a key derived from the master key. */
export interface SecretBox {
  /** Names the key inside each sealed text, so that a wrong master key is told from a damaged text. */
  readonly keyId: string
  seal(text: string): string
  /** Throws `SecretUnreadable`. */
  open(sealed: string): string
}

/** Makes the box of a master key (32 bytes). A sealed text reads `v1.{key id}.{iv}.{ciphertext and tag}`, base64url. */
export function createSecretBox(masterKey: Uint8Array): SecretBox {
  // A key of its own per purpose, so that no use of the master key can weaken another.
  const key = Buffer.from(hkdfSync('sha256', masterKey, '', 'patchbay secrets at rest', 32))
  const keyId = createHash('sha256').update('patchbay key id').update(key).digest('hex').slice(0, 12)
  const head = `${version}.${keyId}`
  return {
    keyId,
    seal(text) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv(algorithm, key, iv).setAAD(Buffer.from(head))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${head}.${iv.toString('base64url')}.${body.toString('base64url')}`
    },
    open(sealed) {
      const [form, id, iv, body, ...rest] = sealed.split('.')
      if (form !== version || id === undefined || iv === undefined || body === undefined || rest.length > 0) {
        throw new SecretUnreadable('This is not a sealed secret.')
      }
      if (id !== keyId) {
        throw new SecretUnreadable(`The secret was sealed with key ${id}, the master key now is ${keyId}.`)
      }
      const bytes = Buffer.from(body, 'base64url')
      try {
        const decipher = createDecipheriv(algorithm, key, Buffer.from(iv, 'base64url'), { authTagLength: tagBytes })
        decipher.setAAD(Buffer.from(head)).setAuthTag(bytes.subarray(-tagBytes))
        return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new SecretUnreadable('The sealed secret is damaged.', { cause })
      }
    },
  }
}
