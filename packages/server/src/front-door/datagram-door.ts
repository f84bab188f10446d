import type { Listener } from '@patchbay/contracts/system'
import type { Clock } from '@patchbay/core/clock'
import type { DatagramPeer, DatagramPort, ListenOptions, Log, OnDatagram } from '@patchbay/sdk'
import { createUdpListener, type UdpListener } from './udp-listener.ts'
import { FrontDoorError } from './refusal.ts'

export interface DatagramDoor {
  /** Opens a shared port once the first protocol is there that wants one. */
  open(listener: string, port: number): Promise<void>
  /** Adds a protocol to the shared ports; the answer removes it. */
  register(name: string, first: (bytes: Uint8Array) => boolean, onDatagram: OnDatagram): () => void
  /** Opens a port for one owner; it is degraded, never thrown, when the port is taken. The answer closes the port. */
  listenOwn(
    options: Pick<ListenOptions, 'name' | 'port' | 'tls'>,
    onDatagram: OnDatagram,
    onState?: (state: Listener['state'], detail: string | undefined) => void,
  ): () => Promise<void>
  listeners(): Listener[]
  /** Every port listens at another address from now on. */
  move(to: string): Promise<void>
  close(): Promise<void>
}

interface Matcher {
  name: string
  first: (bytes: Uint8Array) => boolean
  onDatagram: OnDatagram
}

/** Where datagrams come in: UDP knows no connections, so each one is told apart by its own first bytes. */
export function createDatagramDoor(options: { host: string; clock: Clock; log: Log }): DatagramDoor {
  const { clock, log } = options
  let { host } = options
  const matchers = new Set<Matcher>()
  const listeners = new Set<UdpListener>()
  const wanted: UdpListener[] = []
  let closed = false

  function share(bytes: Buffer, from: DatagramPeer, port: DatagramPort): void {
    for (const matcher of matchers) {
      try {
        if (!matcher.first(bytes)) continue
      } catch (error) {
        log.error('a protocol matcher failed', { matcher: matcher.name, error })
        continue
      }
      return matcher.onDatagram(bytes, from, port)
    }
  }

  const start = (listener: UdpListener): Promise<void> => {
    listeners.add(listener)
    return listener.start()
  }

  return {
    async open(name, port) {
      const listener = createUdpListener({
        name: `${name}-udp`,
        listener: name,
        host,
        port,
        tls: 'detected',
        clock,
        log,
        onDatagram: share,
      })
      if (matchers.size > 0) await start(listener)
      else wanted.push(listener)
    },

    register(name, first, onDatagram) {
      const matcher = { name, first, onDatagram }
      matchers.add(matcher)
      if (!closed) for (const listener of wanted.splice(0)) void start(listener)
      return () => void matchers.delete(matcher)
    },

    listenOwn({ name, port, tls = 'never' }, onDatagram, onState) {
      if (closed) throw new FrontDoorError('FRONT_CLOSED', 'The front door is closed.')
      const listener = createUdpListener({ name, listener: name, host, port, tls, clock, log, onDatagram, onState })
      const started = start(listener)
      return async () => {
        listeners.delete(listener)
        await started
        await listener.stop()
      }
    },

    listeners: () => [...listeners].map((listener) => listener.status()),

    async move(to) {
      host = to
      await Promise.all([...listeners, ...wanted].map((listener) => listener.move(to)))
    },

    async close() {
      closed = true
      await Promise.all([...listeners].map((listener) => listener.stop()))
    },
  }
}
