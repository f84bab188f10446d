import type { IncomingMessage } from 'node:http'
import type { Connection } from './context.ts'

/** Host and SDK meet by this key, since a plugin may carry its own copy of the SDK. */
const key = Symbol.for('patchbay.connection')

const isConnection = (value: unknown): value is Connection =>
  typeof value === 'object' && value !== null && 'address' in value && 'encrypted' in value && 'listener' in value

/**
 * The connection a request of `ctx.http` came by: the peer's address, whether it is encrypted, and the verified client certificate.
 *
 * @example
 * app.get('/v1/whoami', async (request) => ({ address: peerOf(request).address }))
 */
export function peerOf(request: { raw: IncomingMessage }): Connection {
  const connection: unknown = Reflect.get(request.raw, key)
  if (!isConnection(connection)) throw new TypeError('The request did not come through the plugin host.')
  return connection
}

/** For the host: notes the connection of a request before the plugin sees it. */
export const setPeer = (raw: IncomingMessage, connection: Connection): void =>
  void Object.defineProperty(raw, key, { value: connection, configurable: true })
