import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { DomainError } from '../errors.ts'

/** OWASP's first choice for Argon2id: 19 MiB, two passes, one lane; about 50 ms. */
const memoryKiB = 19 * 1024
const passes = 2
const lanes = 1
const saltBytes = 16
const tagBytes = 32
/** Logins that may wait for their turn: about two seconds' worth. */
const maxWaiting = 40

interface Parameters {
  memory: number
  passes: number
  parallelism: number
  nonce: Buffer
  tagLength: number
}

const derive = (password: string, parameters: Parameters): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    // NFC: the same password typed on another keyboard may come decomposed.
    argon2('argon2id', { message: password.normalize('NFC'), ...parameters }, (error, tag) => {
      if (error) reject(error)
      else resolve(tag)
    })
  })

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')

/** The PHC string, which carries its own parameters: they may be raised later without breaking what is stored. */
const toPhc = ({ memory, passes: t, parallelism, nonce }: Parameters, tag: Buffer): string =>
  `$argon2id$v=19$m=${memory},t=${t},p=${parallelism}$${unpadded(nonce)}$${unpadded(tag)}`

const phcForm =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

const fromPhc = (phc: string): { parameters: Parameters; tag: Buffer } | undefined => {
  const [, memory, t, p, salt, tag] = phcForm.exec(phc) ?? []
  if (salt === undefined || tag === undefined) return undefined
  const kept = Buffer.from(tag, 'base64')
  return {
    parameters: {
      memory: Number(memory),
      passes: Number(t),
      parallelism: Number(p),
      nonce: Buffer.from(salt, 'base64'),
      tagLength: kept.length,
    },
    tag: kept,
  }
}

export interface PasswordHash {
  hash(password: string): Promise<string>
  /** Without a stored hash (an unknown user) the same work is done, so that the time taken does not tell who exists. */
  verify(password: string, phc: string | undefined): Promise<boolean>
}

/**
 * Hashes one password at a time: a storm of logins takes one thread of the pool and 19 MiB, never what ingest needs. Rejects with
 * LOGIN_BUSY when too many wait.
 */
export const createPasswordHash = (options: { maxWaiting?: number } = {}): PasswordHash => {
  const limit = options.maxWaiting ?? maxWaiting
  const decoy: Parameters = {
    memory: memoryKiB,
    passes,
    parallelism: lanes,
    nonce: randomBytes(saltBytes),
    tagLength: tagBytes,
  }
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = async (password: string, parameters: Parameters): Promise<Buffer> => {
    if (waiting >= limit)
      throw new DomainError('LOGIN_BUSY', 'Too many logins are waiting. Try again in a few seconds.', {
        retryAfterSeconds: 3,
      })
    waiting += 1
    const mine = last.then(() => derive(password, parameters))
    // The next in line does not care how this one ended; whoever asked for it is told by `mine`.
    last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      waiting -= 1
    }
  }
  return {
    async hash(password) {
      const parameters = { ...decoy, nonce: randomBytes(saltBytes) }
      return toPhc(parameters, await inTurn(password, parameters))
    },
    async verify(password, phc) {
      const stored = phc === undefined ? undefined : fromPhc(phc)
      const tag = await inTurn(password, stored?.parameters ?? decoy)
      return stored !== undefined && stored.tag.length === tag.length && timingSafeEqual(stored.tag, tag)
    },
  }
}
