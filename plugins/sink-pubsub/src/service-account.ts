import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { BadConfig } from '@patchbay/sdk'

/** Whom a token is for. */
const audience = 'https://pubsub.googleapis.com/'
const lifeSeconds = 3600

/** What a key file of a service account says. */
export interface Account {
  email: string
  keyId: string
  key: KeyObject
}

/** Reads a key file; throws BadConfig. */
export function readAccount(text: string): Account {
  const refuse = (what: string, cause?: unknown): never => {
    throw new BadConfig('/credentials', what, { cause })
  }
  const parse = (): unknown => {
    try {
      return JSON.parse(text)
    } catch (cause) {
      return refuse('This is no JSON: enter the whole key file of a service account.', cause)
    }
  }
  const said = parse()
  const of = (name: string): string => {
    const value: unknown = typeof said === 'object' && said !== null ? Reflect.get(said, name) : undefined
    return typeof value === 'string' && value !== ''
      ? value
      : refuse(`The key file of a service account has ${name}; this has not.`)
  }
  if (of('type') !== 'service_account') refuse('Only keys of service accounts are read.')
  const [email, keyId, pem] = [of('client_email'), of('private_key_id'), of('private_key')]
  try {
    return { email, keyId, key: createPrivateKey(pem) }
  } catch (cause) {
    return refuse('The private_key cannot be read.', cause)
  }
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/** A token that the account signs for itself, as Google's services take them: nobody has to be asked for one. */
export function toToken({ email, keyId, key }: Account, nowMs: number): { token: string; endsMs: number } {
  const iat = Math.floor(nowMs / 1000)
  const head = encode({ alg: 'RS256', typ: 'JWT', kid: keyId })
  const body = encode({ iss: email, sub: email, aud: audience, iat, exp: iat + lifeSeconds })
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), key).toString('base64url')
  return { token: `${head}.${body}.${signature}`, endsMs: (iat + lifeSeconds) * 1000 }
}
