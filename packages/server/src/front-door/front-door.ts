import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Listener } from '@patchbay/contracts/system'
import type { Connection, ListenOptions, MatchAnswer } from '@patchbay/sdk'
import { createDatagramDoor, type DatagramDoor } from './datagram-door.ts'
import { isHttp } from './first-bytes.ts'
import { normaliseAddress } from '../settings/addresses.ts'
import { toListenFailure } from './listen-failure.ts'
import { createLobby, type LobbyOptions, type Owner } from './lobby.ts'
import { remember } from './peer-connection.ts'
import { createPortListener, type PortListener } from './port-listener.ts'
import { FrontDoorError } from './refusal.ts'

export interface FrontDoorOptions extends LobbyOptions {
  /** PATCHBAY_HOST. */
  host: string
  /** Takes HTTP/1 of the shared port: `server.emit('connection', socket)`. */
  onHttp: (socket: Duplex) => void
}

export interface FrontDoor {
  /** Opens a shared port (0 = any free one). Rejects with `FrontDoorError` when it cannot. */
  listen(options: { name: string; port: number; tls?: Listener['tls'] }): Promise<void>
  /** Adds a protocol to the shared ports; the answer removes it and leaves what was handed over alone. */
  register(
    name: string,
    first: (bytes: Uint8Array) => MatchAnswer,
    onConnection: (connection: Connection) => void,
  ): () => void
  /** Opens a port for one owner; it is degraded, never thrown, when the port is taken. The answer closes the port. */
  listenOwn(
    options: ListenOptions,
    onConnection: (connection: Connection) => void,
    onState?: (state: Listener['state'], detail: string | undefined) => void,
  ): () => Promise<void>
  /** Gives a connection to whoever of the shared ports speaks what its first bytes say; false = nobody. */
  handOver(connection: Connection): boolean
  /** The same for UDP: the one port's number, and ports of their own. */
  readonly datagrams: Pick<DatagramDoor, 'register' | 'listenOwn'>
  listeners(): Listener[]
  /** Every listener without an address of its own listens at another from now on; connections stay. Rejects, and nothing moves, where the shared port cannot. */
  move(to: string): Promise<void>
  /** Connections that have not been given to an owner yet. */
  undecided(): number
  /** Stops accepting, closes the undecided, waits for the others until the deadline, then closes them too. */
  close(deadlineMs: number): Promise<void>
}

interface Matcher {
  name: string
  first: (bytes: Uint8Array) => MatchAnswer
  owner: Owner
}

/** The one place where connections come in: tells protocols apart by their first bytes and hands sockets on with nothing consumed. */
export function createFrontDoor(options: FrontDoorOptions): FrontDoor {
  const { clock, log, onHttp } = options
  let { host } = options
  const matchers = new Set<Matcher>()
  const listeners = new Set<PortListener>()
  /** Those without an address of their own. */
  const movable = new Set<PortListener>()
  const lobby = createLobby(options)
  const datagrams = createDatagramDoor({ host, clock, log })
  let shared: PortListener | undefined
  let closed = false

  const http: Owner = (connection) => onHttp(connection.socket)

  /** Which owner the plain (or decrypted) first bytes belong to. */
  function choose(bytes: Buffer): Owner | 'more' | 'unknown' {
    let more = false
    for (const matcher of matchers) {
      const answer = ask(matcher, bytes)
      if (answer === 'mine') return matcher.owner
      if (answer === 'more') more = true
    }
    const asHttp = isHttp(bytes)
    if (asHttp === 'mine') return http
    return more || asHttp === 'more' ? 'more' : 'unknown'
  }

  function ask(matcher: Matcher, bytes: Buffer): MatchAnswer {
    try {
      return matcher.first(bytes)
    } catch (error) {
      log.error('a protocol matcher failed', { matcher: matcher.name, error })
      return 'no'
    }
  }

  function open(
    name: string,
    port: number,
    tls: Listener['tls'],
    anyPort: boolean,
    onSocket: (socket: Socket, listener: PortListener) => void,
    onState?: (state: Listener['state'], detail: string | undefined) => void,
    address?: string,
  ): PortListener {
    if (closed) throw new FrontDoorError('FRONT_CLOSED', 'The front door is closed.')
    const listener = createPortListener({
      name,
      host: address ?? host,
      port,
      tls,
      anyPort,
      clock,
      log,
      onSocket: (socket) => onSocket(socket, listener),
      ...(onState ? { onState } : {}),
    })
    listeners.add(listener)
    if (address === undefined) movable.add(listener)
    return listener
  }

  function drop(listener: PortListener): void {
    listeners.delete(listener)
    movable.delete(listener)
  }

  return {
    async listen({ name, port, tls = 'detected' }) {
      const listener = open(name, port, tls, true, (socket, via) => lobby.receive(socket, { via, tls, choose }))
      try {
        await listener.start(true)
      } catch (cause) {
        drop(listener)
        const why = cause instanceof Error ? cause.message : 'unknown reason'
        throw new FrontDoorError('FRONT_PORT_TAKEN', `Cannot listen on ${host}:${port}: ${why}.`, { cause })
      }
      shared = listener
      await datagrams.open(name, listener.status().port)
    },

    async move(to) {
      const from = host
      const cause = await shared?.move(to)
      if (cause) {
        await shared?.move(from)
        throw new FrontDoorError('FRONT_PORT_TAKEN', toListenFailure(cause), { cause })
      }
      host = to
      await Promise.all([...[...movable].map((listener) => listener.move(to)), datagrams.move(to)])
    },

    register(name, first, onConnection) {
      const matcher = { name, first, owner: onConnection }
      matchers.add(matcher)
      return () => void matchers.delete(matcher)
    },

    listenOwn({ name, port, tls = 'detected', address, raw }, onConnection, onState) {
      const listener = open(
        name,
        port,
        tls,
        false,
        (socket, via) => {
          if (raw) {
            const from = normaliseAddress(socket.remoteAddress ?? '')
            return onConnection({ socket, address: from, encrypted: false, listener: name })
          }
          // Whatever it speaks, it has one owner: any first byte decides.
          lobby.receive(socket, { via, tls, choose: () => onConnection, only: onConnection })
        },
        onState,
        address,
      )
      const started = listener.start()
      return async () => {
        drop(listener)
        await started
        await listener.stop()
        lobby.dismiss(listener)
      }
    },

    handOver(connection) {
      const { socket, address, encrypted } = connection
      const first: unknown = socket.read()
      if (!Buffer.isBuffer(first)) return false
      socket.unshift(first)
      const owner = choose(first)
      if (typeof owner === 'string') return false
      owner(remember({ ...connection, permitted: encrypted || options.permitsPlain(address) }))
      return true
    },

    datagrams,
    listeners: () => [...[...listeners].map((listener) => listener.status()), ...datagrams.listeners()],
    undecided: lobby.undecided,

    async close(deadlineMs) {
      closed = true
      await Promise.all([...[...listeners].map((listener) => listener.stop()), datagrams.close()])
      await lobby.close(deadlineMs)
    },
  }
}
