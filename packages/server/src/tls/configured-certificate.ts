import { X509Certificate } from 'node:crypto'
import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { SettingsError } from '../settings/settings-error.ts'
import type { Pair } from './certificate-maker.ts'

/** The owner's own files. */
export interface CertificateFiles {
  cert: string
  key: string
}

async function readFileOf(setting: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new SettingsError(setting, `names ${path}, which cannot be read`, 'give a PEM file that this user may read', {
      cause,
    })
  }
}

/** Reads the pair and tries it; throws `SettingsError`. */
export async function loadConfiguredCertificate(files: CertificateFiles): Promise<Pair & { expiresMs: number }> {
  const [cert, key] = await Promise.all([
    readFileOf('PATCHBAY_TLS_CERT', files.cert),
    readFileOf('PATCHBAY_TLS_KEY', files.key),
  ])
  try {
    createSecureContext({ cert, key })
    return { cert, key, expiresMs: Date.parse(new X509Certificate(cert).validTo) }
  } catch (cause) {
    throw new SettingsError(
      'PATCHBAY_TLS_CERT',
      `(${files.cert}) and PATCHBAY_TLS_KEY (${files.key}) are not a certificate and its key`,
      'give the PEM chain with the server’s certificate first, and its own unencrypted key',
      { cause },
    )
  }
}

/**
 * Calls `changed` when one of the files changed. Polls: mounted secrets are swapped by symbolic links, which change events of the
 * system miss. Never keeps the process alive.
 */
export function watchCertificate(files: CertificateFiles, everyMs: number, changed: () => void): () => void {
  const hear = () => changed()
  const paths = [files.cert, files.key]
  for (const path of paths) watchFile(path, { persistent: false, interval: everyMs }, hear)
  return () => {
    for (const path of paths) unwatchFile(path, hear)
  }
}
