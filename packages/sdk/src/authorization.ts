import type { Credentials } from '@patchbay/contracts/session'
import type { Connection } from './context.ts'

const basic = /^Basic +([A-Za-z0-9+/_-]+={0,2}) *$/i
const bearer = /^Bearer +([\x21-\x7e]+) *$/i

/**
 * Who the caller of HTTP, or of something that borrows its headers, says it is. A header that cannot be read proves nobody, which is refused as such. The last colon of Basic splits:
 * device ids may hold colons, secrets do not.
 */
export function toCredentials(authorization: string | undefined, certificate: Connection['certificate']): Credentials {
  if (authorization === undefined) return certificate ? { kind: 'certificate', ...certificate } : { kind: 'none' }
  const secret = bearer.exec(authorization)?.[1]
  if (secret !== undefined) return { kind: 'bearer', secret }
  const encoded = basic.exec(authorization)?.[1]
  if (encoded === undefined) return { kind: 'none' }
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = pair.lastIndexOf(':')
  if (colon < 0) return { kind: 'none' }
  return { kind: 'password', username: pair.slice(0, colon), password: pair.slice(colon + 1) }
}
