import type { Socket } from 'node:net'
import type { Connection, Log, RefusedError } from '@patchbay/sdk'
import { createArrival, type Door } from './arrival.ts'
import { type Configuration, createConfiguration } from './configuration.ts'
import { type Documents, noDocuments } from './document.ts'
import { createHealthChecks } from './health-checks.ts'
import { defaultMaxConnections, maxArriving, tickMs } from './limits.ts'
import { createNames } from './names.ts'
import type { Node } from './node.ts'
import { createReadBuffers } from './read-buffers.ts'
import type { Session } from './session.ts'
import { createTlsDoor, type TlsDoor } from './tls-door.ts'
import type { LiveUpstream } from './upstream.ts'

export interface GatewayOptions {
  log: Log
  maxConnections?: number
  /** Plain text from this address is permitted. */
  permitsPlain(address: string): boolean
  /** A PROXY header from this address may be believed. */
  trustsProxy(address: string): boolean
  /** Addresses of nodes that may be called. */
  isAllowed(address: string): boolean
  /** Gives a connection to the platform's own protocols; false = nobody takes it. */
  handOver(connection: Connection): boolean
  /** Told of every refusal, for the platform's list of them. */
  onRefused(session: Session, refused: RefusedError): void
  /** Server name of clients that send none. */
  fallbackName?: string
}

/** Takes connections, finds a node for each and carries its bytes. */
export interface Gateway {
  /** Serves new connections by these; open ones are left as they are. Answers what is not as it should be. */
  configure(documents: Documents): readonly string[]
  readonly configuration: Configuration
  readonly sessions: ReadonlyMap<number, Session>
  accept(socket: Socket, door: Door): void
  /** What is due each second: checks, sessions that do not move. */
  tick(): void
  close(): void
}

export function createGateway(options: GatewayOptions): Gateway {
  const { log } = options
  const maxConnections = options.maxConnections ?? defaultMaxConnections
  const sessions = new Map<number, Session>()
  const names = createNames(options.isAllowed)
  let lastId = 0
  let ticks = 1
  let arriving = 0
  let tls: TlsDoor
  let configuration: Configuration

  const onState = (upstream: LiveUpstream, node: Node, state: Node['state']): void => {
    const fields = {
      upstream: upstream.key,
      node: node.name,
      ...(node.reason === undefined ? {} : { reason: node.reason }),
    }
    log[state === 'healthy' ? 'info' : 'warn'](`a node is ${state}`, fields)
    if (state === 'healthy' || !upstream.closesOnDown) return
    for (const session of sessions.values()) if (session.node === node) session.cut()
  }
  const checks = createHealthChecks(names.lookup)
  const configure = (documents: Documents): readonly string[] => {
    configuration = createConfiguration(documents, { before: configuration, onState })
    tls = createTlsDoor({ ssls: documents.ssls, fallbackName: options.fallbackName })
    checks.watch([...configuration.upstreams.values()])
    return [...configuration.problems, ...tls.problems]
  }
  configure(noDocuments())

  const arrive = createArrival({
    ...options,
    names,
    buffers: createReadBuffers(),
    now: () => ticks,
    configuration: () => configuration,
    tls: () => tls,
    isFull: () => sessions.size > maxConnections || arriving > maxArriving,
  })

  /** Ends what does not move, or has been half open, for too long. */
  const sweep = (session: Session): void => {
    const { upstream } = session
    if (!upstream || !session.node || session.node.local) return
    const bytes = session.bytesUp + session.bytesDown
    if (bytes !== session.movedBytes) {
      session.movedBytes = bytes
      session.movedAt = ticks
    }
    const isOver = (since: number, limitMs: number): boolean => (ticks - since) * tickMs > limitMs
    if (session.stalledSince > 0 && isOver(session.stalledSince, upstream.stalledMs)) session.cut()
    else if (upstream.idleMs !== undefined && isOver(session.movedAt, upstream.idleMs)) session.cut()
  }

  return {
    configure,
    get configuration() {
      return configuration
    },
    sessions,
    accept(socket, door) {
      const id = ++lastId
      const session: Session = {
        id,
        address: '',
        listener: door.name,
        sinceMs: Date.now(),
        clientId: undefined,
        route: undefined,
        upstream: undefined,
        node: undefined,
        bytesUp: 0,
        bytesDown: 0,
        stalledSince: 0,
        movedAt: ticks,
        movedBytes: 0,
        measure: () => undefined,
        onClosed: [],
        cut: () => void socket.destroy(),
      }
      sessions.set(id, session)
      socket.once('close', () => {
        sessions.delete(id)
        for (const closed of session.onClosed) closed()
      })
      arriving += 1
      void arrive(session, socket, door).finally(() => (arriving -= 1))
    },
    tick() {
      ticks += 1
      const drained = new Map<Node, number>()
      for (const session of sessions.values()) {
        sweep(session)
        const { node } = session
        if (!node || node.draining === 0) continue
        const count = drained.get(node) ?? 0
        drained.set(node, count + 1)
        if (count < node.draining) session.cut()
      }
      checks.tick()
    },
    close() {
      checks.close()
      for (const session of sessions.values()) session.cut()
    },
  }
}
