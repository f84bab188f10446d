import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import type { Clock } from '@patchbay/core/clock'
import type { Log } from '@patchbay/sdk'
import type { SecretBox } from '../settings/secret-box.ts'
import type { Pair } from './certificate-maker.ts'
import { type CertificateFiles, loadConfiguredCertificate, watchCertificate } from './configured-certificate.ts'
import { ensureOwnCertificate } from './own-certificate.ts'
import { serverNames } from './server-names.ts'
import { dropUploaded, keepUploaded, readUploaded } from './uploaded-certificate.ts'

const renewalCheckMs = 86_400_000
const watchEveryMs = 5000

/** The certificates that the front door shows, always the newest. */
export interface TlsContexts {
  /** For `tls.createServer` and `setSecureContext`. `ca` is the device authority alone (and the one before it until that ends): no other may vouch for a client. */
  options(): SecureContextOptions
  /** Told when `options` has changed. */
  onChange(hear: () => void): () => void
  /** Picks the application protocol; undefined ends the handshake with no_application_protocol (RFC 7301, section 3.2). */
  alpn(offered: readonly string[]): string | undefined
  /** What clients must trust to believe the self-made certificate; undefined with the owner's own files. */
  readonly caFile: string | undefined
  /** Where the certificate comes from: the owner's files, taken in by the console, or self-made. */
  source(): 'files' | 'uploaded' | 'own'
  /** The self-made certificate is good for these names from now on. */
  rename(to: ServerNames): Promise<void>
  /** Another self-made certificate, with a key of its own, by the same authority. */
  makeAnew(): Promise<void>
  /** Shows this pair from now on and keeps it; it is known to fit. */
  upload(pair: Pair): Promise<void>
  /** The self-made one again. */
  dropUploaded(): Promise<void>
  close(): void
}

type ServerNames = Parameters<typeof serverNames>[0]

export interface TlsContextsOptions extends ServerNames {
  /** PATCHBAY_DATA. */
  data: string
  /** The owner's own files instead of the self-made certificate. */
  files?: CertificateFiles
  box: SecretBox
  clock: Clock
  log: Log
  /** How often the owner's files are looked at. */
  watchMs?: number
}

/** HTTP/1.1 whenever it is offered, so that browsers and WebSocket work; h2 only without it. */
const preferred = ['http/1.1', 'h2', 'mqtt']

export const chooseProtocol = (offered: readonly string[]): string | undefined =>
  preferred.find((protocol) => offered.includes(protocol))

/** Loads or makes the certificates. Throws `SettingsError` for the owner's files; later a bad pair leaves the old one in use. */
export async function createTlsContexts(options: TlsContextsOptions): Promise<TlsContexts> {
  const { clock, log, files } = options
  const folder = join(options.data, 'tls')
  let names = serverNames(options)
  const hearers = new Set<() => void>()
  const nowMs = () => Math.floor(clock.nowMicros() / 1000)
  const ensureOwn = (anew = false) => ensureOwnCertificate({ folder, names, nowMs: nowMs(), box: options.box, anew })

  // The authority is there with the owner's files too: without `ca`, Node would believe client certificates of every public authority.
  let own = await ensureOwn()
  let uploaded = files ? undefined : await loadUploaded()
  let pair: Pair = files ? await loadConfigured(files) : (uploaded ?? own.server)
  if (own.made && !files) log.info('made a TLS certificate', { names, authority: own.authority.file })
  let cancelRenewal = () => {}
  let closed = false

  const take = (next: Pair) => {
    pair = next
    for (const hear of hearers) hear()
  }

  async function loadConfigured(from: CertificateFiles): Promise<Pair> {
    const loaded = await loadConfiguredCertificate(from)
    if (loaded.expiresMs < nowMs()) log.warn('the TLS certificate has expired', { file: from.cert })
    return { cert: loaded.cert, key: loaded.key }
  }

  async function loadUploaded(): Promise<Pair | undefined> {
    try {
      return await readUploaded(folder, options.box)
    } catch (error) {
      log.error('the uploaded TLS certificate is not usable, the self-made one is shown; upload it again', { error })
      return undefined
    }
  }

  async function remake(anew: boolean): Promise<void> {
    own = await ensureOwn(anew)
    if (!files && !uploaded) take(own.server)
  }

  async function reload(from: CertificateFiles): Promise<void> {
    try {
      const next = await loadConfigured(from)
      if (closed || (next.cert === pair.cert && next.key === pair.key)) return
      take(next)
      log.info('took the changed TLS certificate', { file: from.cert })
    } catch (error) {
      log.error('the changed TLS certificate is not usable, the old one stays', { error })
    }
  }

  async function renew(): Promise<void> {
    try {
      const before = own.authority.cert
      own = await ensureOwn()
      if (closed) return
      // With the owner's files it may be the authority alone that changed.
      if (own.made) take(files || uploaded ? pair : own.server)
      if (own.made && !files) log.info('renewed the TLS certificate', { names })
      if (own.authority.cert !== before) {
        const { file: authority } = own.authority
        log.warn('made a new certificate authority; devices need its certificate to trust this server', { authority })
      }
    } catch (error) {
      log.error('the TLS certificate could not be renewed; the next try is in a day', { error })
    }
    if (!closed) scheduleRenewal()
  }

  function scheduleRenewal(): void {
    cancelRenewal = clock.after(renewalCheckMs, () => void renew())
  }

  scheduleRenewal()
  const unwatch = files ? watchCertificate(files, options.watchMs ?? watchEveryMs, () => void reload(files)) : () => {}

  return {
    options: () => ({ cert: pair.cert, key: pair.key, ca: [...own.authority.trusted], minVersion: 'TLSv1.2' }),
    onChange(hear) {
      hearers.add(hear)
      return () => hearers.delete(hear)
    },
    alpn: chooseProtocol,
    caFile: files ? undefined : own.authority.file,
    source: () => (files ? 'files' : uploaded ? 'uploaded' : 'own'),
    rename(to) {
      names = serverNames(to)
      return remake(false)
    },
    makeAnew: () => remake(true),
    async upload(next) {
      await keepUploaded(folder, options.box, next)
      uploaded = next
      take(next)
    },
    async dropUploaded() {
      await dropUploaded(folder)
      uploaded = undefined
      if (!files) take(own.server)
    },
    close() {
      closed = true
      cancelRenewal()
      unwatch()
      hearers.clear()
    },
  }
}
