import type { Socket } from 'node:net'
import { type Connection, isRefused, type Log, type RefusedError } from '@patchbay/sdk'
import { readProxyHeader, toProxyHeader } from '@patchbay/sdk/proxy-header'
import { toPlainAddress } from './addresses.ts'
import { readClientHello } from './client-hello.ts'
import type { Configuration } from './configuration.ts'
import { type ConnectRead, readConnect } from './connect-packet.ts'
import { dial } from './dial.ts'
import { refuse } from './errors.ts'
import { loginMs, maxConnectBytes, maxHelloBytes } from './limits.ts'
import type { Names } from './names.ts'
import type { ReadBuffers } from './read-buffers.ts'
import { readAhead } from './read-ahead.ts'
import { Rejected, sayNo } from './rejection.ts'
import { type LiveRoute, toServerName } from './route.ts'
import type { Session } from './session.ts'
import { splice } from './splice.ts'
import type { TlsDoor } from './tls-door.ts'
import type { LiveUpstream } from './upstream.ts'
import { fillVariables, readVariable, type Variables } from './variables.ts'

/** A listener as the gateway sees it. */
export interface Door {
  name: string
  /** TLS ends here; else it is passed through, and a route can be chosen by its server name. */
  tls: boolean
  /** Every connection begins with a PROXY header. */
  proxyProtocol: boolean
  /** Nodes are told who the client is, by a PROXY header of version 1, whatever their upstream says. */
  proxyToUpstream?: boolean
}

export interface ArrivalOptions {
  log: Log
  names: Names
  buffers: ReadBuffers
  now(): number
  configuration(): Configuration
  tls(): TlsDoor
  isFull(): boolean
  permitsPlain(address: string): boolean
  trustsProxy(address: string): boolean
  handOver(connection: Connection): boolean
  onRefused(session: Session, refused: RefusedError): void
}

/** The peer has gone; there is nobody to answer. */
const gone = Symbol('gone')
const tlsByte = 0x16
const isSomething = (bytes: Buffer): Buffer | undefined => (bytes.length > 0 ? bytes : undefined)

/** Brings a connection from its first byte to its node. */
export function createArrival(options: ArrivalOptions) {
  const { log, now } = options

  const look = async <T>(socket: Socket, decide: (bytes: Buffer) => T | undefined): Promise<T> => {
    const answer = await readAhead(socket, decide)
    if (answer === 'gone') throw gone
    return answer
  }

  /** Takes the PROXY header off, and believes it. */
  async function takeProxyHeader(socket: Socket, of: Variables): Promise<void> {
    const read = await look(socket, (bytes) => {
      const header = readProxyHeader(bytes)
      return header === 'more' ? undefined : header
    })
    if (read === 'bad') throw refuse('GATEWAY_PROXY_HEADER')
    socket.read(read.length)
    if (!read.peer) return
    of.remoteAddress = toPlainAddress(read.peer.sourceAddress)
    of.remotePort = read.peer.sourcePort
  }

  const readHello = (socket: Socket) =>
    look(socket, (bytes) => {
      const hello = readClientHello(bytes)
      if (hello === 'more') return bytes.length > maxHelloBytes ? 'no' : undefined
      return hello
    })

  /** Reads the CONNECT and holds it against the route. The answer is its level; the client id is noted. */
  async function checkConnect(socket: Socket, route: LiveRoute, of: Variables, session: Session): Promise<number> {
    const { mqtt } = route
    if (!mqtt) return 0
    const read = await look(socket, (bytes): Exclude<ConnectRead, { kind: 'more' }> | undefined => {
      const answer = readConnect(bytes, maxConnectBytes)
      return answer.kind === 'more' ? undefined : answer
    })
    if (read.kind === 'bad') throw new Rejected(refuse('GATEWAY_NOT_CONNECT', read.why), read.protocolLevel)
    const { protocolName: name, protocolLevel: level, clientId } = read
    // Copied: the bytes are a part of what was read, which would be kept as long as the session.
    if (clientId.length > 0) of.clientId = Buffer.from(clientId)
    session.clientId = clientId.toString()
    if (name !== mqtt.name || !mqtt.levels.has(level)) {
      const detail = `The route takes ${mqtt.name} of level ${[...mqtt.levels].join(', ')}, not ${JSON.stringify(name.slice(0, 32))} of level ${level}`
      throw new Rejected(refuse('GATEWAY_PROTOCOL', detail), level)
    }
    return level
  }

  /** Counts the connection against the route's limit, until it is closed. */
  function countIn(session: Session, route: LiveRoute, of: Variables): boolean {
    const { limit, open } = route
    if (!limit) return true
    const key = limit.combined ? fillVariables(of, limit.key) : String(readVariable(of, limit.key) ?? of.remoteAddress)
    const count = open.get(key) ?? 0
    if (count >= limit.most) return false
    open.set(key, count + 1)
    session.onClosed.push(() => {
      const left = (open.get(key) ?? 1) - 1
      if (left > 0) open.set(key, left)
      else open.delete(key)
    })
    return true
  }

  async function connect(
    top: Socket,
    route: LiveRoute,
    upstream: LiveUpstream,
    of: Variables,
    session: Session,
    door: Door,
  ): Promise<void> {
    const { remoteAddress: address } = of
    const dialled = await dial({
      upstream,
      key: upstream.hashKey(of),
      serverName: of.serverName,
      lookup: options.names.lookup,
      isGone: () => top.destroyed,
      handLocal: () => options.handOver({ socket: top, address, encrypted: door.tls, listener: session.listener }),
    })
    if (dialled.kind === 'gone') throw gone
    if (dialled.kind === 'failed')
      throw refuse(
        'GATEWAY_UPSTREAM_AWAY',
        `No node of ${upstream.key} could be reached; the last one was ${dialled.why}`,
      )
    const { node } = dialled
    session.node = node
    session.movedAt = now()
    node.sessions += 1
    route.counts.accepted += 1
    const server = dialled.kind === 'socket' ? dialled.socket : undefined
    if (node.local)
      session.measure = () => {
        session.bytesUp = top.bytesRead
        session.bytesDown = top.bytesWritten
      }
    session.onClosed.push(() => {
      session.measure()
      node.active -= 1
      for (const counts of [node, route.counts]) {
        counts.bytesUp += session.bytesUp
        counts.bytesDown += session.bytesDown
      }
    })
    if (!server) return
    session.cut = () => {
      top.destroy()
      server.destroy()
    }
    const version = upstream.proxyProtocol ?? (door.proxyToUpstream ? 1 : undefined)
    if (version) {
      const { remotePort, serverAddress, serverPort } = of
      const peer = {
        sourceAddress: address,
        sourcePort: remotePort,
        targetAddress: serverAddress,
        targetPort: serverPort,
      }
      server.write(toProxyHeader(version, peer))
    }
    splice(top, server, { session, now, buffers: options.buffers })
  }

  return async function arrive(session: Session, socket: Socket, door: Door): Promise<void> {
    let top = socket
    let route: LiveRoute | undefined
    let level: number | undefined
    const reject = (refused: RefusedError, spoken: number | undefined): void => {
      options.onRefused(session, refused)
      sayNo(top, route, refused, spoken)
    }
    socket.on('error', destroyThis)
    const timer = setTimeout(() => reject(refuse('GATEWAY_TIMEOUT'), undefined), loginMs)
    const of: Variables = {
      remoteAddress: toPlainAddress(socket.remoteAddress),
      remotePort: socket.remotePort ?? 0,
      serverAddress: toPlainAddress(socket.localAddress),
      serverPort: socket.localPort ?? 0,
      serverName: undefined,
      clientId: undefined,
    }
    session.address = of.remoteAddress
    try {
      if (options.isFull()) throw refuse('GATEWAY_FULL')
      if (door.proxyProtocol) {
        if (!options.trustsProxy(of.remoteAddress)) throw refuse('GATEWAY_PROXY_UNTRUSTED')
        await takeProxyHeader(socket, of)
        session.address = of.remoteAddress
      }
      const permitted = options.permitsPlain(of.remoteAddress)
      const configuration = options.configuration()
      const hello = door.tls || configuration.asksName ? await readHello(socket) : undefined
      if (typeof hello === 'object' && hello.serverName !== undefined) of.serverName = toServerName(hello.serverName)
      if (door.tls) {
        if (hello === 'no') throw refuse('GATEWAY_TLS', 'The listener speaks TLS only')
        top = await options.tls().secure(socket, of.serverName)
      } else if (!permitted && typeof hello !== 'object') {
        const [first] = await look(socket, isSomething)
        if (first !== tlsByte) throw refuse('GATEWAY_PLAIN')
      }
      route = configuration.route(of)
      if (!route) throw refuse('GATEWAY_NO_ROUTE')
      session.route = route
      level = await checkConnect(top, route, of, session)
      // From here on it is counted, until it is closed: one that is closed already would be counted for ever.
      if (socket.destroyed || top.destroyed) throw gone
      if (!route.admits(of.remoteAddress)) throw refuse('GATEWAY_ADDRESS')
      if (!countIn(session, route, of)) throw refuse('GATEWAY_CONNECTIONS_FULL')
      const upstream = route.choose()
      if (!upstream) throw refuse('GATEWAY_NO_UPSTREAM')
      session.upstream = upstream
      // Whose it is on the platform, its first bytes say.
      if (upstream.nodes.some(({ local }) => local)) await look(top, isSomething)
      clearTimeout(timer)
      await connect(top, route, upstream, of, session, door)
    } catch (error) {
      clearTimeout(timer)
      if (error === gone) return void socket.destroy()
      if (error instanceof Rejected) return reject(error.refused, error.level)
      if (isRefused(error)) return reject(error, level)
      log.error('a connection failed in the gateway', { listener: door.name, error })
      socket.destroy()
    }
  }
}

/** An error without a listener would end the process; `close` follows it and does the rest. */
function destroyThis(this: Socket): void {
  this.destroy()
}
