import { createHash, type Hash, type Hmac } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { type BackupSeal, Encryption, openSeal } from './encryption.ts'
import { BackupError } from './errors.ts'

export const manifestName = 'backup.json'
/** Of the layout of a backup; a later one that old versions cannot read gets the next number. An encrypted one is of the second. */
export const backupFormat = 2
export const plainFormat = 1

const Manifest = Type.Object({
  format: Type.Integer({ minimum: 1 }),
  version: Type.String({ pattern: String.raw`^\d+\.\d+\.\d+` }),
  at: Type.String(),
  /** Whether the key that opens the secrets is in it; else it is in PATCHBAY_MASTER_KEY. */
  masterKey: Type.Boolean(),
  files: Type.Array(
    Type.Object({
      path: Type.String({ minLength: 1 }),
      bytes: Type.Integer({ minimum: 0 }),
      /** With a passphrase: HMAC-SHA256 of the plain text. */
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      /** With a passphrase: the owner's rights, which the encrypted file does not have. */
      mode: Type.Optional(Type.Integer({ minimum: 0, maximum: 0o700 })),
    }),
  ),
  encryption: Type.Optional(Encryption),
  /** With a passphrase: vouches for all of the above. */
  mac: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
})
export type Manifest = Static<typeof Manifest>

export function readProductVersion(): string {
  const found: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return Value.Check(Type.Object({ version: Type.String() }), found) ? found.version : '0.0.0'
}

/** Reads what a backup says of itself, and refuses one that this version cannot restore. */
export async function readManifest(folder: string): Promise<Manifest> {
  let found: unknown
  try {
    found = JSON.parse(await readFile(join(folder, manifestName), 'utf8'))
  } catch (cause) {
    const message = `${folder} is no backup, or one that was not finished: its ${manifestName} cannot be read`
    throw new BackupError('BACKUP_DAMAGED', message, { cause })
  }
  // Looked at first: a later format may have other fields.
  if (Value.Check(Type.Object({ format: Type.Integer(), version: Type.String() }), found)) {
    const own = readProductVersion()
    if (found.format > backupFormat || isNewer(found.version, own)) {
      const message = `the backup was made by version ${found.version}, this is ${own}: restore it with ${found.version} or later`
      throw new BackupError('BACKUP_NEWER', message)
    }
  }
  if (!Value.Check(Manifest, found) || !found.files.every(({ path }) => isInside(path))) {
    throw new BackupError('BACKUP_DAMAGED', `${join(folder, manifestName)} is damaged: take another backup`)
  }
  return found
}

/** What is signed: all but the signature. */
export const toSignedText = (manifest: Manifest): string => JSON.stringify({ ...manifest, mac: undefined })

/** Of an encrypted backup, what opens it; throws when it is not by this passphrase, or the list of files was changed. */
export async function openManifest(
  manifest: Manifest,
  passphrase: string | undefined,
): Promise<BackupSeal | undefined> {
  if (!manifest.encryption) {
    if (passphrase === undefined) return undefined
    // Somebody may have put it in the place of an encrypted one.
    const message =
      'the backup is not encrypted, though PATCHBAY_BACKUP_PASSPHRASE is set: unset it to restore it all the same'
    throw new BackupError('BACKUP_PASSPHRASE_WRONG', message)
  }
  const seal = await openSeal(manifest.encryption, passphrase)
  if (seal.sign(toSignedText(manifest)) !== manifest.mac)
    throw new BackupError('BACKUP_DAMAGED', `${manifestName} was changed since the backup was made: take another one`)
  return seal
}

export async function hashFile(path: string, hash: Hash | Hmac = createHash('sha256')): Promise<string> {
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

function isNewer(version: string, own: string): boolean {
  const [theirs, ours] = [version, own].map((each) => each.split(/[.+-]/).slice(0, 3).map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (theirs?.[i] ?? 0) - (ours?.[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}

/** A path of a manifest is text from outside: it stays below the folder. */
const isInside = (path: string): boolean =>
  !path.includes('\\') && !path.includes('\0') && path.split('/').every((part) => !['', '.', '..'].includes(part))
