import { createHmac } from 'node:crypto'
import { BadConfig } from '../failures.ts'

/** Headers that the protocol or the signature need for themselves. */
const reserved =
  /^(host|content-length|content-type|content-encoding|connection|transfer-encoding|expect|upgrade|te|trailer|webhook-.*)$/i

const prefix = 'whsec_'
const base64 = /^[A-Za-z0-9+/]+={0,2}$/

/** The key of a `whsec_` secret; undefined when it is none. */
function readSecret(secret: string): Buffer | undefined {
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : secret
  if (!base64.test(text)) return undefined
  const key = Buffer.from(text, 'base64')
  return key.length > 0 ? key : undefined
}

/** What a signature covers. */
export interface Signed {
  id: string
  /** Seconds since 1970. */
  timestamp: number
  body: string
}

/** The headers of Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`. */
export function toSignatureHeaders({ id, timestamp, body }: Signed, key: Buffer | undefined): Record<string, string> {
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp) }
  if (!key) return headers
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { ...headers, 'webhook-signature': `v1,${signature}` }
}

/** The key of a configuration's field `secret`; throws BadConfig when it is none. */
export function toKey(secret: string | undefined): Buffer | undefined {
  const key = secret === undefined ? undefined : readSecret(secret)
  if (secret !== undefined && !key)
    throw new BadConfig(
      '/secret',
      'The secret must be whsec_ and base64, such as whsec_ and the output of openssl rand -base64 32.',
    )
  return key
}

/** Headers of a configuration's rows `headers`; throws BadConfig for those that cannot be sent. */
export function toHeaders(rows: readonly { name: string; value: string }[]): Record<string, string> {
  rows.forEach(({ name, value }, index) => {
    if (reserved.test(name)) throw new BadConfig(`/headers/${index}/name`, `${name} is set by the platform itself.`)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
      throw new BadConfig(`/headers/${index}/value`, 'A header value has visible characters only.')
  })
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}
