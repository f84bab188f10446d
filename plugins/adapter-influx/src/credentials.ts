import { type Connection, type Credentials, toCredentials } from '@patchbay/sdk'

const token = /^Token +([\x21-\x7e]+) *$/i

/**
 * Who a client of InfluxDB says it is: `Token` (of version 2 alone, of version 1 `user:password`), Basic, Bearer, or `u` and `p` in the query.
 * A header comes before the query, as in InfluxDB; a client certificate counts where neither is given.
 */
export function credentialsOf(
  authorization: string | undefined,
  query: URLSearchParams,
  certificate: Connection['certificate'],
): Credentials {
  const given = token.exec(authorization ?? '')?.[1]
  if (given !== undefined) {
    // Device ids may hold colons, secrets do not.
    const colon = given.lastIndexOf(':')
    if (colon < 0) return { kind: 'bearer', secret: given }
    return { kind: 'password', username: given.slice(0, colon), password: given.slice(colon + 1) }
  }
  const username = query.get('u')
  const password = query.get('p')
  if (authorization === undefined && password !== null) {
    return username ? { kind: 'password', username, password } : { kind: 'bearer', secret: password }
  }
  return toCredentials(authorization, certificate)
}
