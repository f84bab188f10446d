import { createCipheriv, createDecipheriv, createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Type, type Static } from 'typebox'
import { BackupError } from './errors.ts'

const cipher = 'aes-256-gcm'
/** Of plain text; each chunk is sealed by itself, so that a file of any size takes this much memory. */
const chunkBytes = 4 * 1024 * 1024
const ivBytes = 12
const tagBytes = 16
/** 128 MiB and about half a second for each guess of a passphrase (reading takes what the backup says, within limits). */
const cost = { N: 2 ** 17, r: 8, p: 1 } as const
const scryptMemoryBytes = 512 * 1024 * 1024

export const Encryption = Type.Object({
  cipher: Type.Literal(cipher),
  kdf: Type.Literal('scrypt'),
  N: Type.Integer({ minimum: 2 ** 14, maximum: 2 ** 20 }),
  r: Type.Integer({ minimum: 8, maximum: 16 }),
  p: Type.Integer({ minimum: 1, maximum: 4 }),
  salt: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  /** By which a wrong passphrase is told from a damaged backup. */
  check: Type.String({ pattern: '^[0-9a-f]{64}$' }),
})
export type Encryption = Static<typeof Encryption>

/** Seals and opens the files of one backup, and vouches for its list of files. */
export interface BackupSeal {
  readonly encryption: Encryption
  /** Of the plain text, under the key: it says nothing of the text to others. */
  hash(): ReturnType<typeof createHmac>
  sign(text: string): string
  seal(plain: string, sealed: string, path: string): Promise<void>
  open(sealed: string, plain: string, path: string): Promise<void>
}

const derive = promisify(
  (
    secret: string,
    salt: Buffer,
    how: { N: number; r: number; p: number },
    done: (error: Error | null, key: Buffer) => void,
  ) => scrypt(secret.normalize('NFC'), salt, 64, { ...how, maxmem: scryptMemoryBytes }, done),
)

const hmac = (key: Buffer, text: string): string => createHmac('sha256', key).update(text).digest('hex')
const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

/** For a new backup. */
export async function createSeal(passphrase: string): Promise<BackupSeal> {
  const salt = randomBytes(16)
  const keys = await derive(passphrase, salt, cost)
  const check = hmac(keys.subarray(32), 'patchbay backup passphrase')
  return toSeal(keys, { cipher, kdf: 'scrypt', ...cost, salt: salt.toString('hex'), check })
}

/** For one that is there. */
export async function openSeal(encryption: Encryption, passphrase: string | undefined): Promise<BackupSeal> {
  if (passphrase === undefined)
    throw new BackupError('BACKUP_PASSPHRASE_WRONG', 'the backup is encrypted: set PATCHBAY_BACKUP_PASSPHRASE')
  const keys = await derive(passphrase, Buffer.from(encryption.salt, 'hex'), encryption)
  if (!isSame(hmac(keys.subarray(32), 'patchbay backup passphrase'), encryption.check))
    throw new BackupError('BACKUP_PASSPHRASE_WRONG', 'PATCHBAY_BACKUP_PASSPHRASE is not the one of this backup')
  return toSeal(keys, encryption)
}

function toSeal(keys: Buffer, encryption: Encryption): BackupSeal {
  const [key, macKey] = [keys.subarray(0, 32), keys.subarray(32)]
  // Chunks cannot change places, files or backups, and none can be missing at the end.
  const about = (path: string, index: number, isLast: boolean): Buffer =>
    Buffer.from(`${encryption.salt}\n${path}\n${index}\n${isLast ? 'last' : 'more'}`)
  return {
    encryption,
    hash: () => createHmac('sha256', macKey),
    sign: (text) => hmac(macKey, `patchbay backup list\n${text}`),
    async seal(plain, sealed, path) {
      await eachChunk(plain, sealed, chunkBytes, (chunk, index, isLast) => {
        const iv = randomBytes(ivBytes)
        const to = createCipheriv(cipher, key, iv).setAAD(about(path, index, isLast))
        return Buffer.concat([iv, to.update(chunk), to.final(), to.getAuthTag()])
      })
    },
    async open(sealed, plain, path) {
      await eachChunk(sealed, plain, ivBytes + chunkBytes + tagBytes, (chunk, index, isLast) => {
        try {
          const from = createDecipheriv(cipher, key, chunk.subarray(0, ivBytes), { authTagLength: tagBytes })
          from.setAAD(about(path, index, isLast)).setAuthTag(chunk.subarray(-tagBytes))
          return Buffer.concat([from.update(chunk.subarray(ivBytes, -tagBytes)), from.final()])
        } catch (cause) {
          const message = `${path} is not as it was when the backup was made: take another one`
          throw new BackupError('BACKUP_DAMAGED', message, { cause })
        }
      })
    },
  }
}

/** Copies a file through `change`, chunk by chunk. An empty file has one chunk, too, which is sealed like any. */
async function eachChunk(
  from: string,
  to: string,
  bytes: number,
  change: (chunk: Buffer, index: number, isLast: boolean) => Buffer,
): Promise<void> {
  const { size } = await stat(from)
  const last = Math.max(0, Math.ceil(size / bytes) - 1)
  const [source, target] = [await open(from, 'r'), await open(to, 'w', 0o600)]
  try {
    const buffer = Buffer.alloc(Math.min(bytes, Math.max(size, 1)))
    for (let index = 0; index <= last; index += 1) {
      const wanted = Math.min(bytes, size - index * bytes)
      let got = 0
      while (got < wanted) {
        const { bytesRead } = await source.read(buffer, got, wanted - got, index * bytes + got)
        if (bytesRead === 0) break
        got += bytesRead
      }
      await target.writeFile(change(buffer.subarray(0, got), index, index === last))
    }
  } finally {
    await source.close()
    await target.close()
  }
}
