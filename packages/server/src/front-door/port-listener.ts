import { createServer, type Server, type Socket } from 'node:net'
import type { Listener } from '@patchbay/contracts/system'
import type { Clock } from '@patchbay/core/clock'
import type { Log } from '@patchbay/sdk'
import { listenRetryMs, toListenFailure } from './listen-failure.ts'

const keepAliveMs = 60_000
const backlog = 1024

export interface PortListener {
  readonly name: string
  /** Resolves when it listens or is degraded; `must` rejects instead of being degraded. */
  start(must?: boolean): Promise<void>
  status(): Listener
  /** Listens at another address instead, under the same port; what was accepted stays. The answer is why it cannot: then it is degraded. */
  move(to: string): Promise<Error | undefined>
  /** Stops accepting and frees the port; what was accepted stays. */
  stop(): Promise<void>
  countRefused(): void
}

/** One listening port, with its state and counts. A taken port is tried again every 30 s. */
export function createPortListener(options: {
  name: string
  host: string
  port: number
  tls: Listener['tls']
  /** Port 0 means any free one here, else off. */
  anyPort?: boolean
  clock: Clock
  log: Log
  onSocket: (socket: Socket) => void
  /** Told when it listens, and when it cannot. */
  onState?: (state: Listener['state'], detail: string | undefined) => void
}): PortListener {
  const { name, clock, log } = options
  let host = options.host
  let server: Server | undefined
  let state: Listener['state'] = 'off'
  let detail: string | undefined
  let port = options.port
  let connections = 0
  let refused = 0
  let stopped = false
  let turns = 0
  let cancelRetry = () => {}

  const countLeft = () => void connections--
  const accept = (socket: Socket) => {
    connections++
    socket.on('close', countLeft)
    options.onSocket(socket)
  }

  function listen(): Promise<Error | undefined> {
    const turn = ++turns
    return new Promise((resolve) => {
      const next = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }, accept)
      // Also after the start: accepting may fail (no descriptors left) without the listener being gone.
      next.on('error', (error) => {
        if (state === 'listening') log.warn('a connection could not be accepted', { listener: name, error })
        resolve(error)
      })
      // Once it is known, any free port is this one.
      next.listen({ host, port, backlog }, () => {
        // Stopped or moved meanwhile.
        if (stopped || turn !== turns) {
          next.close()
          return resolve(undefined)
        }
        server = next
        const address = next.address()
        if (address !== null && typeof address === 'object') port = address.port
        state = 'listening'
        detail = undefined
        options.onState?.(state, detail)
        resolve(undefined)
      })
    })
  }

  async function start(must = false): Promise<void> {
    if (options.port === 0 && !options.anyPort) return
    const error = await listen()
    if (!error || stopped) return
    if (must) throw error
    degrade(error)
  }

  function degrade(error: Error): void {
    const reason = toListenFailure(error)
    if (state !== 'degraded') log.warn('a listener does not listen', { listener: name, port: options.port, reason })
    state = 'degraded'
    detail = `${host}:${options.port}: ${reason}; tried again every ${listenRetryMs / 1000} s`
    options.onState?.(state, detail)
    cancelRetry = clock.after(listenRetryMs, () => void start())
  }

  async function free(): Promise<void> {
    cancelRetry()
    state = 'off'
    server?.close()
    server = undefined
    // The descriptor is closed at once; its close callback runs in this turn of the loop.
    await new Promise<void>((resolve) => setImmediate(resolve))
  }

  return {
    name,
    start,
    async move(to) {
      if (to === host || stopped) return undefined
      const wasOff = options.port === 0 && !options.anyPort
      host = to
      if (wasOff) return undefined
      await free()
      const error = await listen()
      if (error && !stopped) degrade(error)
      return error
    },
    status: () => ({
      name,
      address: host,
      port,
      tls: options.tls,
      state,
      ...(detail === undefined ? {} : { detail }),
      connections,
      refused,
    }),
    async stop() {
      stopped = true
      await free()
    },
    countRefused: () => void refused++,
  }
}
