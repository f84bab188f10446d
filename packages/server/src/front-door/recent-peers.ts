import type { Clock } from '@patchbay/core/clock'
import type { DatagramPeer } from '@patchbay/sdk'

/** UDP knows no connections: whoever sent something within this time or twice as long counts as one. */
export const recentMs = 60_000
/** More are not counted. */
const maxRecent = 50_000

/** How many peers sent something lately. Costs a datagram two look-ups. */
export function createRecentPeers(clock: Pick<Clock, 'monotonicMs'>) {
  let current = new Map<string, Set<number>>()
  let before = new Map<string, Set<number>>()
  let sizes = { current: 0, before: 0 }
  let sinceMs = clock.monotonicMs()

  function turn(): void {
    const agoMs = clock.monotonicMs() - sinceMs
    if (agoMs < recentMs) return
    const isStale = agoMs >= 2 * recentMs
    before = isStale ? new Map() : current
    sizes = { current: 0, before: isStale ? 0 : sizes.current }
    current = new Map()
    sinceMs = clock.monotonicMs()
  }

  return {
    heard({ address, port }: DatagramPeer): void {
      turn()
      const known = current.get(address)
      if (known?.has(port) || sizes.current >= maxRecent) return
      if (known) known.add(port)
      else current.set(address, new Set([port]))
      sizes.current++
      if (before.get(address)?.delete(port)) sizes.before--
    },
    count(): number {
      turn()
      return sizes.current + sizes.before
    },
  }
}
