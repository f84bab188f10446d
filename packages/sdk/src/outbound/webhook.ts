import { createHmac } from 'node:crypto'

const prefix = 'whsec_'
const base64 = /^[A-Za-z0-9+/]+={0,2}$/

/** The key of a `whsec_` secret; undefined when it is none. */
export function readSecret(secret: string): Buffer | undefined {
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : secret
  if (!base64.test(text)) return undefined
  const key = Buffer.from(text, 'base64')
  return key.length > 0 ? key : undefined
}

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
