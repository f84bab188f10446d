import { createHash } from 'node:crypto'
import { type Context, type DatagramPeer, type DatagramPort, isRefused, type Log, type Sessions } from '@patchbay/sdk'
import { createDtlsServer, type DtlsServerOptions, type DtlsSession } from '@patchbay/sdk/dtls'
import type { CoapAdapter } from './adapter.ts'
import type { Endpoint } from './endpoint.ts'
import { protocol } from './request-sessions.ts'

/** CoAP over DTLS: RFC 7252, section 9. The PSK identity is the device id. */
export function createCoaps(options: {
  adapter: Pick<CoapAdapter, 'receive' | 'gone'>
  sessions: Pick<Sessions, 'open' | 'refuse'>
  preSharedKeys: Context<unknown>['preSharedKeys']
  log: Log
}) {
  const { adapter, sessions, preSharedKeys, log } = options
  const endpoints = new Map<DtlsSession, Endpoint>()
  let count = 0

  const toEndpoint = (session: DtlsSession): Endpoint => ({
    // A new session of the same address is another endpoint: its messages belong to other keys.
    key: `dtls ${++count}`,
    address: session.peer.address,
    encrypted: true,
    proved: { deviceId: session.identity, digest: createHash('sha256').update(session.key).digest('hex') },
    send: (bytes) => session.send(bytes),
  })

  /** A key that was not proved is a wrong secret: it is counted and recorded where those of other protocols are. */
  async function recordGuess(deviceId: string, address: string): Promise<void> {
    const credentials = { kind: 'psk', deviceId, digest: '' } as const
    const session = await sessions.open({ protocol, address, encrypted: true, credentials, request: true })
    // No key has an empty digest.
    session.close()
  }

  const onFailure: DtlsServerOptions['onFailure'] = ({ why, peer: { address }, identity, cause }) => {
    if (why === 'key') {
      recordGuess(identity ?? '', address).catch((error: unknown) => {
        if (!isRefused(error)) log.error('a wrong key could not be recorded', { error })
      })
    } else if (isRefused(cause)) {
      sessions.refuse(
        { protocol, address },
        { action: 'connect', ...(identity === undefined ? {} : { device: identity }), refused: cause },
      )
    } else if (cause !== undefined) log.error('pre-shared keys could not be read', { error: cause })
  }

  const server = createDtlsServer({
    keysOf: preSharedKeys,
    now: () => performance.now(),
    onSession: (session) => void endpoints.set(session, toEndpoint(session)),
    onMessage(session, message) {
      const endpoint = endpoints.get(session)
      if (endpoint) adapter.receive(message, endpoint)
    },
    onClose(session) {
      const endpoint = endpoints.get(session)
      endpoints.delete(session)
      if (endpoint) adapter.gone(endpoint)
    },
    onFailure,
  })

  return {
    receive(bytes: Buffer, from: DatagramPeer, port: DatagramPort): void {
      server.receive(bytes, {
        key: `${from.address} ${from.port} ${port.listener}`,
        address: from.address,
        send: (datagram) => port.send(datagram, from),
      })
    },
    sweep: () => server.sweep(),
    close: () => server.close(),
    sizes: () => ({ dtlsSessions: server.sessions, dtlsHandshakes: server.handshakes }),
  }
}
