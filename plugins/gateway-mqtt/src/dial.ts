import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { Failure } from './node-health.ts'
import { type Node, noteConnect } from './node.ts'
import type { LiveUpstream } from './upstream.ts'

const keepAliveMs = 60_000

export interface DialOptions {
  upstream: LiveUpstream
  key: Uint8Array | string
  /** The client's server name: passed on where the upstream speaks TLS and names none of its own. */
  serverName: string | undefined
  lookup: LookupFunction
  /** Says that nobody waits for the answer any more. */
  isGone(): boolean
  /** Hands the connection to Patchbay's own adapter; false = it does not take it. */
  handLocal(): boolean
}

export type Dialled =
  | { kind: 'socket'; node: Node; socket: Socket }
  | { kind: 'local'; node: Node }
  | { kind: 'failed'; why: string }
  | { kind: 'gone' }

class DialFailure extends Error {
  readonly failure: Failure
  constructor(failure: Failure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}

export function tlsOptionsOf(upstream: LiveUpstream, node: Node, serverName: string | undefined): ConnectionOptions {
  const { verify = false, ca, cert, key, serverName: own } = upstream.tls ?? {}
  // Server name indication knows no addresses (RFC 6066, section 3).
  const name = own ?? serverName ?? (isIP(node.host) === 0 ? node.host : undefined)
  return {
    rejectUnauthorized: verify,
    ...(name === undefined ? {} : { servername: name }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}

/** One try: resolves when the node's connection stands, TLS included. */
export function open(
  upstream: LiveUpstream,
  node: Node,
  timeoutMs: number,
  { serverName, lookup }: Pick<DialOptions, 'serverName' | 'lookup'>,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const to = {
      host: node.host,
      port: node.port,
      lookup,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
    }
    const socket = upstream.tls ? connectTls({ ...to, ...tlsOptionsOf(upstream, node, serverName) }) : connect(to)
    let settled = false
    const fail = (failure: Failure, message: string, cause?: unknown): void => {
      clearTimeout(timer)
      // The listener stays: a socket that is given up may still say why.
      if (settled) return
      settled = true
      socket.destroy()
      reject(new DialFailure(failure, message, { cause }))
    }
    const timer = setTimeout(() => fail('timeout', `no connection within ${timeoutMs} ms`), timeoutMs)
    socket.on('error', (cause) => fail('tcp', cause.message, cause))
    const closed = (): void => fail('tcp', 'closed before it stood')
    socket.once('close', closed)
    socket.once(upstream.tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      settled = true
      socket.off('close', closed)
      resolve(socket)
    })
  })
}

/** Connects to the node of a key, and where that fails to the next, as often and as long as the upstream allows. */
export async function dial(options: DialOptions): Promise<Dialled> {
  const { upstream, key } = options
  const tried = new Set<Node>()
  const startedMs = performance.now()
  let why = 'the upstream has no nodes'
  for (let attempt = 0; attempt <= upstream.retries; attempt++) {
    const leftMs = upstream.retryMs - (performance.now() - startedMs)
    if (attempt > 0 && leftMs <= 0) break
    const node = upstream.balancer.pick(key, tried)
    if (!node) break
    tried.add(node)
    // Counted from here on, so that many at once do not all see it as idle.
    node.active += 1
    if (node.local) {
      if (options.handLocal()) return { kind: 'local', node }
      node.active -= 1
      node.failures += 1
      why = 'local: no MQTT adapter runs'
      continue
    }
    const tryMs = performance.now()
    try {
      const socket = await open(upstream, node, upstream.connectMs, options)
      noteConnect(node, performance.now() - tryMs)
      upstream.passive?.success(node)
      if (!options.isGone()) return { kind: 'socket', node, socket }
      socket.destroy()
      node.active -= 1
      return { kind: 'gone' }
    } catch (error) {
      if (!(error instanceof DialFailure)) throw error
      node.active -= 1
      node.failures += 1
      why = `${node.name}: ${error.message}`
      upstream.passive?.failure(node, error.failure, error.message)
      if (options.isGone()) return { kind: 'gone' }
    }
  }
  return { kind: 'failed', why }
}
