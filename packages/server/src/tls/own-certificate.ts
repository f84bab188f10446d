import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { DomainError } from '@patchbay/core/errors'
import { closeToOthers, readIfThere, writeWhole } from '../settings/private-file.ts'
import { type SecretBox, SecretUnreadable } from '../settings/secret-box.ts'
import { SettingsError } from '../settings/settings-error.ts'
import type { Pair } from './certificate-maker.ts'

const dayMs = 86_400_000
const serverDays = 90
const renewWithinDays = 30
const authorityDays = 3650
/** The authority before this one, whose certificates devices still have. */
const previousFile = 'ca.previous.crt'

export interface OwnCertificate {
  /** `trusted` vouch for devices: this one, and the one before it until it ends. */
  authority: { cert: string; file: string; trusted: readonly string[] }
  server: Pair
  /** It was made now; false = the kept one is still good. */
  made: boolean
}

export interface OwnCertificateOptions {
  /** `{data}/tls`. */
  folder: string
  names: readonly string[]
  nowMs: number
  /** Seals the authority's key on disk. */
  box: SecretBox
  /** Whatever is kept, another is made. */
  anew?: boolean
}

/** The kept certificate while it is good for these names and another 30 days, else a new one from this installation's authority. */
export async function ensureOwnCertificate(options: OwnCertificateOptions): Promise<OwnCertificate> {
  const { folder, names, nowMs } = options
  const path = (name: string) => join(folder, name)
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'server.crt', 'server.key'].map((name) => readIfThere(path(name))),
  )
  const kept = options.anew !== true && ca !== undefined && cert !== undefined && key !== undefined
  if (kept && isGood({ cert, key }, ca, names, nowMs)) {
    await closeToOthers(path('server.key'))
    return { authority: await describe(folder, ca, nowMs), server: { cert, key }, made: false }
  }
  const authority = await ensureAuthority(options, ca)
  const { makeServerCertificate } = await import('./certificate-maker.ts')
  const server = await makeServerCertificate(authority, names, nowMs, serverDays)
  await writeWhole(path('server.key'), server.key, 0o600)
  await writeWhole(path('server.crt'), server.cert, 0o644)
  return { authority: await describe(folder, authority.cert, nowMs), server, made: true }
}

async function describe(folder: string, cert: string, nowMs: number): Promise<OwnCertificate['authority']> {
  const previous = await readIfThere(join(folder, previousFile))
  const kept = previous === undefined ? undefined : read(previous)
  const vouches = previous !== undefined && previous !== cert && kept !== undefined && validToMs(kept) > nowMs
  return { cert, file: join(folder, 'ca.crt'), trusted: vouches ? [cert, previous] : [cert] }
}

/** The authority's certificate. */
export async function readAuthority(folder: string): Promise<string> {
  const path = join(folder, 'ca.crt')
  const cert = await readIfThere(path)
  if (cert === undefined) throw new DomainError('CERTIFICATES_OFF', `The file ${path} is gone. Restore it.`)
  return cert
}

/** The authority's key, unsealed. */
export async function keyOfAuthority(folder: string, box: SecretBox): Promise<string> {
  const path = join(folder, 'ca.key')
  const sealed = await readIfThere(path)
  if (sealed === undefined) throw new DomainError('CERTIFICATES_OFF', `The file ${path} is gone. Restore it.`)
  try {
    return box.open(sealed.trim())
  } catch (cause) {
    if (!(cause instanceof SecretUnreadable)) throw cause
    const detail = `The master key does not open ${path}. Start with the one that it was sealed with.`
    throw new DomainError('CERTIFICATES_OFF', detail, { cause })
  }
}

async function ensureAuthority({ folder, nowMs, box }: OwnCertificateOptions, cert: string | undefined): Promise<Pair> {
  const keyPath = join(folder, 'ca.key')
  const sealed = await readIfThere(keyPath)
  const kept = cert === undefined ? undefined : read(cert)
  if (cert !== undefined && kept && sealed !== undefined && validToMs(kept) > nowMs + serverDays * dayMs) {
    try {
      const key = box.open(sealed.trim())
      // Else the machine stopped between the two files of a new authority.
      if (kept.checkPrivateKey(createPrivateKey(key))) return { cert, key }
    } catch (cause) {
      if (!(cause instanceof SecretUnreadable)) throw cause
      // A new authority would silently break the trust of every device that was given the old one.
      throw new SettingsError(
        'PATCHBAY_MASTER_KEY',
        `does not open the key of the certificate authority (${keyPath})`,
        `give the master key it was sealed with, or move the folder ${folder} away to start a new authority`,
        { cause },
      )
    }
  }
  if (cert !== undefined && kept && validToMs(kept) > nowMs) await writeWhole(join(folder, previousFile), cert, 0o644)
  const { makeAuthority } = await import('./certificate-maker.ts')
  const made = await makeAuthority(nowMs, authorityDays)
  await writeWhole(keyPath, `${box.seal(made.key)}\n`, 0o600)
  await writeWhole(join(folder, 'ca.crt'), made.cert, 0o644)
  return made
}

function isGood(pair: Pair, ca: string, names: readonly string[], nowMs: number): boolean {
  const cert = read(pair.cert)
  const authority = read(ca)
  if (!cert || !authority || !cert.checkIssued(authority) || !cert.verify(authority.publicKey)) return false
  if (validToMs(cert) < nowMs + renewWithinDays * dayMs || Date.parse(cert.validFrom) > nowMs) return false
  const named = cert.subjectAltName?.split(', ').length ?? 0
  const covers = (name: string) => (isIP(name) ? cert.checkIP(name) : cert.checkHost(name)) !== undefined
  if (named !== names.length || !names.every(covers)) return false
  try {
    createSecureContext(pair)
    return true
  } catch {
    // A key that is cut or belongs to another certificate: the caller makes a new pair, which mends it.
    return false
  }
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    // Not a certificate (any more): the caller makes a new one, which mends it.
    return undefined
  }
}

const validToMs = (cert: X509Certificate) => Date.parse(cert.validTo)
