import { BadConfig } from '@patchbay/sdk'
import { assertOpenTarget, type PrivateTargets } from '@patchbay/sdk/outbound-http'
import { type CryptoKey, importSPKI, importX509 } from 'jose'
import type { Config } from './config.ts'
import { createKeySet, type FindKey } from './key-set.ts'

/** RFC 7518 section 3.2: a key of the size of the hash at least. */
export const minSecretBytes = 32

export type Key = Uint8Array | CryptoKey | FindKey

export interface KeyOptions {
  privateTargets: PrivateTargets
  signal: AbortSignal
  heard?: (failure: string | undefined) => void
}

/**
 * The one key, or set of keys, of the one algorithm. An HMAC secret is taken for HS256 only and a public key never for it, so that a public
 * key cannot be used as a secret. Throws BadConfig.
 */
export async function openKey(config: Config, options: KeyOptions): Promise<Key> {
  const { algorithm, secret, publicKey, jwksUrl } = config
  const pem = publicKey?.trim() === '' ? undefined : publicKey?.trim()
  if (algorithm === 'HS256') {
    if (pem !== undefined) throw new BadConfig('/publicKey', 'HS256 has a secret and no public key.')
    if (jwksUrl !== undefined) throw new BadConfig('/jwksUrl', 'HS256 has a secret and no key set.')
    const bytes = new TextEncoder().encode(secret ?? '')
    if (bytes.length < minSecretBytes)
      throw new BadConfig('/secret', `HS256 wants a secret of ${minSecretBytes} bytes at least.`)
    return bytes
  }
  if (secret !== undefined) throw new BadConfig('/secret', `${algorithm} has a public key and no secret.`)
  if (jwksUrl !== undefined) {
    if (pem !== undefined) throw new BadConfig('/jwksUrl', 'Give a public key or a key set, not both.')
    assertOpenTarget('/jwksUrl', jwksUrl, options.privateTargets)
    return createKeySet({ url: jwksUrl, keepMs: config.jwksSeconds * 1000, ...options })
  }
  if (pem === undefined)
    throw new BadConfig('/publicKey', `${algorithm} wants a public key in PEM, or the address of a key set.`)
  try {
    return await (pem.startsWith('-----BEGIN CERTIFICATE') ? importX509(pem, algorithm) : importSPKI(pem, algorithm))
  } catch (cause) {
    throw new BadConfig('/publicKey', `This is no public key for ${algorithm} in PEM.`, { cause })
  }
}
