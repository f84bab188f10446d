import type { Server } from '@grpc/grpc-js'
import type { Connection, Log, MatchAnswer, Sessions } from '@patchbay/sdk'
import type { GrpcConfig } from './config.ts'
import { refuse } from './errors.ts'
import { createGate, protocol } from './gate.ts'
import { type Library, loadLibrary, serviceOf, withRawRequests } from './library.ts'
import { createOpenCalls } from './open-calls.ts'
import { createPeers } from './peers.ts'
import { createProvision, createPublish, createPublishStream } from './publish.ts'
import { createReflection, devicesService, reflectionServices } from './reflection.ts'
import { createSubscribe } from './subscribe.ts'

/** A message and what is around it; the platform's own limit of 256 KiB is answered in its words. */
const maxReceiveBytes = 264 * 1024
const maxConcurrentStreams = 100
const keepAliveTimeoutMs = 10_000
const idleMs = 600_000
/** What is in flight gets so long when the adapter stops; then the rest is cut. */
const finishMs = 4_000

/** HTTP/2 without TLS, or within it after ALPN. [RFC 9113, section 3.4] */
const preface = Buffer.from('PRI * HTTP/2.0\r\n')
export function matchHttp2(bytes: Uint8Array): MatchAnswer {
  const length = Math.min(bytes.length, preface.length)
  if (preface.compare(bytes, 0, length, 0, length) !== 0) return 'no'
  return length === preface.length ? 'mine' : 'more'
}

export interface DoorOptions {
  sessions: Sessions
  config: GrpcConfig
  log: Log
}

interface Running {
  server: Server
  inject(connection: Connection): void
}

/** All connections of the adapter, and the server that the first of them wakes. */
export function createDoor({ sessions, config, log }: DoorOptions) {
  const calls = createOpenCalls()
  const peers = createPeers(config.loginTimeoutMs, ({ address }) =>
    sessions.refuse({ protocol, address }, { action: 'connect', refused: refuse('GRPC_NO_CALL') }),
  )
  let running: Promise<Running> | undefined
  let stopping = false

  function createServer({ grpc, definitions }: Library): Running {
    const gate = createGate({ grpc, sessions, peers, log, isStopping: () => stopping })
    const server = new grpc.Server({
      'grpc.max_receive_message_length': maxReceiveBytes,
      'grpc.max_concurrent_streams': maxConcurrentStreams,
      'grpc.keepalive_time_ms': config.keepAliveMs,
      'grpc.keepalive_timeout_ms': keepAliveTimeoutMs,
      'grpc.max_connection_idle_ms': idleMs,
      'grpc.enable_channelz': 0,
      interceptors: [gate.interceptor],
    })
    const service = serviceOf(definitions, devicesService)
    const decoderOf = (name: string) => (bytes: Buffer) => service[name]?.requestDeserialize(bytes)
    const publish = { gate, calls, decode: decoderOf('Publish'), maxInFlight: config.maxInFlight, log }
    server.addService(withRawRequests(service), {
      Publish: createPublish(publish),
      PublishStream: createPublishStream(publish),
      Provision: createProvision({ ...publish, decode: decoderOf('Provision') }),
      Subscribe: createSubscribe({
        grpc,
        gate,
        calls,
        decode: decoderOf('Subscribe'),
        maxWaitingBytes: config.maxWaitingKib * 1024,
        record: ({ principal }, refused) =>
          sessions.refuse(
            { protocol, address: '' },
            { action: 'receive', refused, ...(principal.kind === 'device' ? { device: principal.id } : {}) },
          ),
        log,
      }),
    })
    const ServerReflectionInfo = createReflection(definitions)
    for (const name of reflectionServices) server.addService(serviceOf(definitions, name), { ServerReflectionInfo })
    // TLS, where there is any, has been spoken before: the bytes are plain here.
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
    return { server, inject: ({ socket }) => injector.injectConnection(socket) }
  }

  return {
    accept(connection: Connection): void {
      const { socket } = connection
      socket.on('error', () => socket.destroy())
      const peer = stopping ? undefined : peers.add(connection)
      if (!peer) return void socket.destroy()
      running ??= loadLibrary().then(createServer)
      running.then(
        ({ inject }) => {
          if (stopping) socket.destroy()
          if (socket.destroyed) return
          peer.begin()
          inject(connection)
        },
        (error: unknown) => {
          log.error('the gRPC library cannot be loaded', { error })
          socket.destroy()
        },
      )
    },
    async close(): Promise<void> {
      stopping = true
      const server = (await running?.catch(() => undefined))?.server
      if (server) {
        calls.finish()
        // Its callback comes before streams have ended: on Node 24 the server itself has begun to close its sessions by then.
        server.tryShutdown(() => undefined)
        await peers.gone(finishMs)
        server.forceShutdown()
      }
      peers.destroy()
    },
  }
}
