import { createPrivateKey, X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { readIfThere, writeWhole } from '../settings/private-file.ts'
import { type SecretBox, SecretUnreadable } from '../settings/secret-box.ts'
import type { Pair } from './certificate-maker.ts'

const pathsOf = (folder: string) => ({
  cert: join(folder, 'uploaded.crt'),
  key: join(folder, 'uploaded.key'),
})

/** Why a pair cannot be shown to clients, for a person; undefined = it can. */
export function whyUnfit({ cert, key }: Pair, nowMs: number): string | undefined {
  let leaf: X509Certificate
  try {
    leaf = new X509Certificate(cert)
  } catch {
    return 'This is not a certificate in PEM form (-----BEGIN CERTIFICATE-----).'
  }
  if (/^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(key))
    return 'The key is locked with a password. Take the password off first: openssl pkey -in locked.key -out open.key'
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(key)))
      return 'The key belongs to another certificate. The server’s certificate must stand first, before its chain.'
  } catch {
    return 'This is not a private key in PEM form (-----BEGIN PRIVATE KEY-----).'
  }
  if (Date.parse(leaf.validTo) <= nowMs) return `The certificate has ended on ${leaf.validTo}.`
  if (leaf.ca) return 'This is the certificate of an authority, which vouches for others. Give the one of the server.'
  try {
    createSecureContext({ cert, key })
    return undefined
  } catch (error) {
    return `TLS does not take the pair: ${error instanceof Error ? error.message : 'unknown reason'}`
  }
}

/** The pair that the console took in, if there is one. Throws `SecretUnreadable` with another master key. */
export async function readUploaded(folder: string, box: SecretBox): Promise<Pair | undefined> {
  const paths = pathsOf(folder)
  const [cert, sealed] = await Promise.all([readIfThere(paths.cert), readIfThere(paths.key)])
  if (cert === undefined || sealed === undefined) return undefined
  const key = box.open(sealed.trim())
  // The machine stopped between the two files: half of a change is none.
  if (whyUnfit({ cert, key }, 0) !== undefined) throw new SecretUnreadable('The certificate and its key do not fit.')
  return { cert, key }
}

/** On disk when this resolves, the key sealed. */
export async function keepUploaded(folder: string, box: SecretBox, { cert, key }: Pair): Promise<void> {
  const paths = pathsOf(folder)
  await writeWhole(paths.key, `${box.seal(key)}\n`, 0o600)
  await writeWhole(paths.cert, cert, 0o644)
}

export async function dropUploaded(folder: string): Promise<void> {
  const { cert, key } = pathsOf(folder)
  await rm(cert, { force: true })
  await rm(key, { force: true })
}
