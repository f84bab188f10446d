import { connect, type Socket } from 'node:net'
import type { PrivateTargets } from './address-range.ts'
import { TargetForbidden, toNetworkText, Unreachable } from './failures.ts'
import { createTargetGuard, type Resolve } from './guarded-lookup.ts'

export type { PrivateTargets } from './address-range.ts'
export { TargetForbidden, Unreachable } from './failures.ts'

/** Where to, and for how long to try. */
export interface SocketTarget {
  host: string
  port: number
  privateTargets: PrivateTargets
  signal: AbortSignal
  timeoutMs: number
  resolve?: Resolve
}

/**
 * A TCP connection to a host whose addresses were all checked, to one of exactly those. It is destroyed when the signal aborts. Rejects with
 * TargetForbidden or Unreachable.
 */
export async function connectTo({
  host,
  port,
  privateTargets,
  signal,
  timeoutMs,
  resolve,
}: SocketTarget): Promise<Socket> {
  const guard = createTargetGuard(privateTargets, resolve)
  guard.assertHost(host)
  if (signal.aborted) throw new Unreachable('The call was given up, since the instance stops.')
  const socket = connect({ host, port, lookup: guard.lookup })
  const giveUp = (): void => void socket.destroy(new Unreachable('The call was given up, since the instance stops.'))
  signal.addEventListener('abort', giveUp, { once: true })
  socket.once('close', () => signal.removeEventListener('abort', giveUp))
  try {
    await new Promise<void>((done, failed) => {
      const timer = setTimeout(() => failed(new Unreachable(`No connection within ${timeoutMs} ms.`)), timeoutMs)
      const settle = (then: () => void) => () => {
        clearTimeout(timer)
        then()
      }
      socket.once('connect', settle(done))
      socket.once('error', (error) => settle(() => failed(error))())
    })
    return socket
  } catch (error) {
    socket.on('error', () => undefined)
    socket.destroy()
    if (error instanceof TargetForbidden || error instanceof Unreachable) throw error
    throw new Unreachable(toNetworkText(error), { cause: error })
  }
}
