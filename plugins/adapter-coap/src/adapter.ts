import { randomBytes } from 'node:crypto'
import type { DatagramPeer, DatagramPort, Log, Sessions } from '@patchbay/sdk'
import type { CoapConfig } from './config.ts'
import { createDownloads } from './downloads.ts'
import { createEcho } from './echo.ts'
import type { Endpoint } from './endpoint.ts'
import { createMessageLayer } from './message-layer.ts'
import { createObservers } from './observers.ts'
import { createRequestHandler } from './request-handler.ts'
import { createRequestSessions } from './request-sessions.ts'
import { createSourceRate } from './source-rate.ts'
import { createUploads } from './uploads.ts'

const now = () => performance.now()

/** Joins the parts of the adapter. */
export function createCoapAdapter(options: { sessions: Sessions; log: Log; config: CoapConfig; signal: AbortSignal }) {
  const { sessions, log, config, signal } = options
  const rate = createSourceRate(now, config.datagramsPerSecond)
  const echo = createEcho(now, randomBytes(32))
  const uploads = createUploads(now, config.maxMessageKib * 1024)
  const downloads = createDownloads(now)
  const requestSessions = createRequestSessions(sessions, now)
  const layer = createMessageLayer({
    now,
    random: Math.random,
    log,
    onRequest: (message, size, endpoint) => handle(message, size, endpoint),
    onHeard: (endpoint) => observers.heard(endpoint),
  })
  const observers = createObservers({
    sessions,
    layer,
    downloads,
    now,
    probeMs: config.observerProbeSeconds * 1000,
    log,
  })
  const handle = createRequestHandler({
    sessions,
    requestSessions,
    observers,
    uploads,
    downloads,
    echo,
    log,
    signal,
  })

  return {
    /** Whether an address may send one more datagram now. */
    admits: rate.admits,
    /** A datagram that came without DTLS. */
    receivePlain(bytes: Buffer, from: DatagramPeer, port: DatagramPort): void {
      layer.receive(bytes, {
        key: `${from.address} ${from.port} ${port.listener}`,
        address: from.address,
        encrypted: false,
        send: (answer) => port.send(answer, from),
      })
    },
    receive: (bytes: Buffer, endpoint: Endpoint) => layer.receive(bytes, endpoint),
    /** A DTLS session ended. */
    gone(endpoint: Endpoint): void {
      observers.gone(endpoint)
      layer.drop(endpoint.key)
    },
    sweep(): void {
      layer.sweep()
      uploads.sweep()
      downloads.sweep()
      requestSessions.sweep()
      observers.sweep()
    },
    close(): void {
      observers.close()
      layer.close()
      requestSessions.close()
    },
    sizes: () => ({
      ...layer.sizes(),
      uploads: uploads.size,
      uploadBytes: uploads.bytes,
      downloads: downloads.size,
      downloadBytes: downloads.bytes,
      observers: observers.size,
      requestSessions: requestSessions.size,
      verified: echo.size,
      counted: rate.size,
    }),
  }
}

export type CoapAdapter = ReturnType<typeof createCoapAdapter>
