import { createHash } from 'node:crypto'
import type { Credentials } from '@patchbay/sdk'
import { toCredentials } from './asked.ts'
import type { Endpoint } from './endpoint.ts'

/** Who asks, and a name for it that tells nothing of the secret. */
export interface Identity {
  credentials: Credentials
  /** Of the endpoint and the credentials together. */
  key: string
}

/** Credentials in the query count where they are given; else a DTLS session says who it is. */
export function toIdentity(query: ReadonlyMap<string, string>, endpoint: Endpoint): Identity {
  const given = toCredentials(query)
  const { proved } = endpoint
  const credentials: Credentials = given.kind === 'none' && proved ? { kind: 'psk', ...proved } : given
  const digest = createHash('sha256').update(JSON.stringify(credentials)).digest('base64url')
  return { credentials, key: `${endpoint.key} ${digest}` }
}
