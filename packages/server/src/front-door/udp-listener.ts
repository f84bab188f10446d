import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Listener } from '@patchbay/contracts/system'
import type { Clock } from '@patchbay/core/clock'
import type { DatagramPeer, DatagramPort, Log } from '@patchbay/sdk'
import { normaliseAddress } from '../settings/addresses.ts'
import { createRecentPeers } from './recent-peers.ts'
import { listenRetryMs, toListenFailure } from './listen-failure.ts'

/** What the kernel may hold while the event loop is busy; it gives less where the system's limit is lower. */
const receiveBufferBytes = 1_048_576
/** Datagrams that wait to be sent; beyond it they are lost, as on a full link. */
const maxSendQueueBytes = 4_194_304

export interface UdpListener {
  /** Resolves when it listens or is degraded. */
  start(): Promise<void>
  status(): Listener
  /** Listens at another address instead; degraded where it cannot. */
  move(to: string): Promise<void>
  stop(): Promise<void>
}

/** One UDP port, with its state. A taken port is tried again every 30 s. */
export function createUdpListener(options: {
  name: string
  /** As datagrams are told it. */
  listener: string
  host: string
  port: number
  tls: Listener['tls']
  clock: Clock
  log: Log
  onDatagram: (bytes: Buffer, from: DatagramPeer, port: DatagramPort) => void
  onState?: ((state: Listener['state'], detail: string | undefined) => void) | undefined
}): UdpListener {
  const { name, port, clock, log, onDatagram } = options
  let host = options.host
  const peers = createRecentPeers(clock)
  let socket: Socket | undefined
  let state: Listener['state'] = 'off'
  let detail: string | undefined
  let stopped = false
  let begun = false
  let turns = 0
  let cancelRetry = () => {}

  const datagrams: DatagramPort = {
    listener: options.listener,
    send(bytes, to) {
      if (!socket || socket.getSendQueueSize() > maxSendQueueBytes) return
      // A socket for both families takes IPv4 in its mapped form only.
      const address = isIPv6(host) && !to.address.includes(':') ? `::ffff:${to.address}` : to.address
      // An address that cannot be reached is a lost datagram, which is the sender's timers' business.
      socket.send(bytes, to.port, address, () => {})
    },
  }
  const receive = (bytes: Buffer, from: RemoteInfo) => {
    // Nobody can be answered at port 0, and trying throws.
    if (from.port === 0) return
    const peer = { address: normaliseAddress(from.address), port: from.port }
    peers.heard(peer)
    onDatagram(bytes, peer, datagrams)
  }

  const bind = (): Promise<Error | undefined> => {
    const turn = ++turns
    return new Promise((resolve) => {
      const next = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: receiveBufferBytes })
      next.on('error', (error) => {
        if (state === 'listening') log.warn('a datagram port failed', { listener: name, error })
        else next.close()
        resolve(error)
      })
      next.bind({ port, address: host, exclusive: true }, () => {
        // Stopped or moved meanwhile.
        if (stopped || turn !== turns) next.close()
        else {
          socket = next
          state = 'listening'
          detail = undefined
          next.on('message', receive)
          options.onState?.(state, detail)
        }
        resolve(undefined)
      })
    })
  }

  async function start(): Promise<void> {
    if (port === 0) return
    begun = true
    const error = await bind()
    if (!error || stopped || state === 'listening') return
    const reason = toListenFailure(error)
    if (state !== 'degraded') log.warn('a listener does not listen', { listener: name, port, reason })
    state = 'degraded'
    detail = `${host}:${port} (UDP): ${reason}; tried again every ${listenRetryMs / 1000} s`
    options.onState?.(state, detail)
    cancelRetry = clock.after(listenRetryMs, () => void start())
  }

  async function free(): Promise<void> {
    cancelRetry()
    state = 'off'
    const open = socket
    socket = undefined
    if (open) await new Promise<void>((resolve) => open.close(() => resolve()))
  }

  return {
    start,
    async move(to) {
      if (to === host || stopped) return
      host = to
      if (!begun) return
      await free()
      await start()
    },
    status: () => ({
      name,
      address: host,
      port,
      transport: 'udp',
      tls: options.tls,
      state,
      ...(detail === undefined ? {} : { detail }),
      connections: peers.count(),
      refused: 0,
    }),
    async stop() {
      stopped = true
      await free()
    },
  }
}
