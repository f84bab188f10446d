import type { Metadata, ServerInterceptor, status as Status } from '@grpc/grpc-js'
import { isRefused, type Log, type RefusedError, type Session, type Sessions, toCredentials } from '@patchbay/sdk'
import { refuse } from './errors.ts'
import type { Grpc } from './library.ts'
import type { createPeers, GrpcPeer } from './peers.ts'
import { toStatus } from './refusal-words.ts'

export const protocol = 'grpc'
/** Names of client ids are shown in the console. */
const clientName = /^[\x21-\x7e]{1,128}$/

export interface GateOptions {
  grpc: Grpc
  sessions: Sessions
  peers: ReturnType<typeof createPeers>
  log: Log
  isStopping: () => boolean
}

/** Proves who calls before anything of the call is read: who cannot is answered at once. */
export function createGate({ grpc, sessions, peers, log, isStopping }: GateOptions) {
  const known = new WeakMap<Metadata, Session>()
  const isStatus = (code: number): code is Status => code in grpc.status

  async function open(
    peer: GrpcPeer,
    metadata: Metadata,
    isStream: boolean,
  ): Promise<{ session: Session; release(): void }> {
    if (isStopping()) throw refuse('GRPC_STOPPING')
    const { address, encrypted, certificate } = peer.connection
    const [authorization] = metadata.get('authorization')
    const given = typeof authorization === 'string' ? authorization : undefined
    const credentials = toCredentials(given, certificate)
    const who = { protocol, address, encrypted, credentials }
    if (!isStream) return peer.lease.lease(given ?? '', () => sessions.open({ ...who, request: true }))
    const [client] = metadata.get('client-id')
    const clientId = typeof client === 'string' && clientName.test(client) ? { clientId: client } : {}
    const session = await sessions.open({ ...who, ...clientId })
    return { session, release: () => session.close() }
  }

  const interceptor: ServerInterceptor = (method, call) => {
    const isStream = method.requestStream || method.responseStream
    let over = false
    let release = () => {}
    return new grpc.ServerInterceptingCall(call, {
      start(next) {
        const listener = new grpc.ServerListenerBuilder()
          .withOnReceiveMetadata((metadata, proceed) => {
            const peer = peers.find(call.getConnectionInfo())
            const opening = peer ? open(peer, metadata, isStream) : Promise.reject(refuse('GRPC_STOPPING'))
            opening.then(
              (opened) => {
                peer?.proved()
                if (over) return opened.release()
                ;({ release } = opened)
                known.set(metadata, opened.session)
                proceed(metadata)
              },
              (error: unknown) => {
                const { code, details } = toStatus(asRefused(error, log))
                call.sendStatus({ code: isStatus(code) ? code : grpc.status.UNKNOWN, details })
              },
            )
          })
          .withOnCancel(() => {
            over = true
            release()
          })
          .build()
        next(listener)
      },
    })
  }

  return {
    interceptor,
    sessionOf(metadata: Metadata): Session {
      const session = known.get(metadata)
      if (!session) throw refuse('GRPC_STOPPING')
      return session
    },
  }
}

export type Gate = ReturnType<typeof createGate>

/** What is told of an error; a fault is logged. */
export function asRefused(error: unknown, log: Log): RefusedError {
  if (isRefused(error)) return error
  log.error('a call failed', { error })
  return refuse('GRPC_STOPPING', 'Something went wrong inside; it was logged.', error)
}
