// @peculiar/x509 reads its decorators' metadata while it loads.
import 'reflect-metadata'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { maxCsrCharacters } from '@patchbay/contracts/certificate'
import { DomainError } from '@patchbay/core/errors'
import * as x509 from '@peculiar/x509'

const block =
  /^\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/
const curves = new Set(['prime256v1', 'secp384r1'])
const minRsaBits = 2048
/** Checking one costs time in the square of its bits. */
const maxRsaBits = 4096
/** Above this an exponent only costs; below the usual one, paddings have been broken. */
const rsaExponent = 65_537n
const hashes = new Set(['SHA-256', 'SHA-384', 'SHA-512'])

const unusable = (why: string, cause?: unknown) =>
  new DomainError('CSR_INVALID', `The certificate signing request ${why}.`, cause === undefined ? {} : { cause })

/**
 * The public key of a certificate signing request that its sender has proved to own. Only the key is taken: whatever names, extensions and
 * attributes the request asks for, the certificate says what the platform says. Rejects with CSR_INVALID.
 */
export async function readSigningRequest(pem: string): Promise<x509.PublicKey> {
  if (pem.length > maxCsrCharacters) throw unusable(`is longer than ${maxCsrCharacters} characters`)
  const [, base64] = block.exec(pem) ?? []
  if (base64 === undefined) throw unusable('is not one PEM block of a CERTIFICATE REQUEST')
  let key: x509.PublicKey
  let proved: boolean
  try {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(base64, 'base64'))
    key = request.publicKey
    assertKey(createPublicKey({ key: Buffer.from(key.rawData), format: 'der', type: 'spki' }))
    assertSignature(request.signatureAlgorithm)
    proved = await request.verify()
  } catch (cause) {
    if (cause instanceof DomainError) throw cause
    // What the parsers say is about bytes; the sender is told what it means.
    throw unusable('cannot be read', cause)
  }
  if (!proved) throw unusable('is not signed by the key that is in it')
  return key
}

function assertKey({ asymmetricKeyType: type, asymmetricKeyDetails: details = {} }: KeyObject): void {
  if (type === 'ed25519') return
  if (type === 'ec') {
    if (curves.has(details.namedCurve ?? '')) return
    throw unusable(`has a key on the curve ${details.namedCurve ?? 'without a name'}; use P-256 or P-384`)
  }
  if (type !== 'rsa') throw unusable(`has a key of the kind ${type ?? 'unknown'}; use EC, Ed25519 or RSA`)
  const { modulusLength = 0, publicExponent } = details
  if (modulusLength < minRsaBits || modulusLength > maxRsaBits) {
    throw unusable(`has an RSA key of ${modulusLength} bits; use ${minRsaBits} to ${maxRsaBits}`)
  }
  if (publicExponent !== rsaExponent) throw unusable(`has an RSA key whose exponent is not ${rsaExponent}`)
}

function assertSignature(algorithm: object): void {
  const { name, hash } = { name: undefined, hash: undefined, ...algorithm }
  if (name === 'Ed25519') return
  const used: unknown = typeof hash === 'object' && hash !== null ? Reflect.get(hash, 'name') : hash
  if (typeof used === 'string' && hashes.has(used)) return
  throw unusable('is signed with a hash other than SHA-256, SHA-384 or SHA-512')
}
