import type { Socket } from 'node:net'
import type { Clock } from '@patchbay/core/clock'

/**
 * Connections of one address that may be undecided at once, once the one that has waited longest had its second: it makes room. A
 * storm of quick logins behind one address is never undecided that long.
 */
export const maxUndecidedPerAddress = 1000
export const crowdGraceMs = 1000
/** The same for all addresses together, without grace. */
export const maxUndecided = 8000
/** TLS handshakes under way, some 40 KiB each. One more takes the place of the longest that had its second, or else waits its turn. */
export const maxHandshakes = 2500

export interface Limits {
  perAddress: number
  graceMs: number
  total: number
  handshakes: number
}
export const defaultLimits: Limits = {
  perAddress: maxUndecidedPerAddress,
  graceMs: crowdGraceMs,
  total: maxUndecided,
  handshakes: maxHandshakes,
}

export type TurnedAway = 'FRONT_SILENT' | 'FRONT_CROWDED'

/** One connection that has not been given to an owner yet. */
export interface Guest {
  readonly socket: Socket
  readonly address: string
  /** Calls `begin` when a handshake is free, at once as a rule; never when the guest has left before. */
  startHandshake(begin: () => void): void
  endHandshake(): void
  /** It has an owner, or is gone. */
  leave(): void
}

/** Holds undecided connections within their limits of count and time. */
export function createWaitingRoom(options: {
  loginMs: number
  clock: Clock
  limits: Limits
  turnAway: (guest: Guest, why: TurnedAway) => void
}) {
  const { loginMs, clock, limits, turnAway } = options
  /** Those that wait for bytes, the longest first, with when they came. */
  const waiting = new Map<Guest, number>()
  const byAddress = new Map<string, Set<Guest>>()
  const queued = new Map<Guest, () => void>()
  /** Those with a handshake under way, the longest first, with when it began. */
  const shaking = new Map<Guest, number>()

  const sit = (guest: Guest) => {
    const same = byAddress.get(guest.address) ?? new Set()
    byAddress.set(guest.address, same)
    same.add(guest)
    waiting.set(guest, clock.monotonicMs())
    const oldest = same.size > limits.perAddress ? first(same) : undefined
    const cameMs = oldest && waiting.get(oldest)
    if (oldest && cameMs !== undefined && clock.monotonicMs() - cameMs >= limits.graceMs) {
      turnAway(oldest, 'FRONT_CROWDED')
    } else if (waiting.size + queued.size > limits.total) {
      const longest = first(waiting.keys())
      if (longest) turnAway(longest, 'FRONT_CROWDED')
    }
  }
  const stand = (guest: Guest) => {
    waiting.delete(guest)
    const same = byAddress.get(guest.address)
    same?.delete(guest)
    if (same?.size === 0) byAddress.delete(guest.address)
  }
  const release = (guest: Guest) => {
    if (!shaking.delete(guest)) return
    const [entry] = queued
    if (!entry) return
    const [next, begin] = entry
    queued.delete(next)
    begin()
  }

  /** Whoever stops in the middle of a handshake must not keep others out of theirs. */
  const makeRoom = () => {
    const longest = first(shaking)
    if (longest && clock.monotonicMs() - longest[1] >= limits.graceMs) turnAway(longest[0], 'FRONT_CROWDED')
  }

  return {
    enter(socket: Socket, address: string): Guest {
      const cancel = clock.after(loginMs, () => turnAway(guest, 'FRONT_SILENT'))
      const guest: Guest = {
        socket,
        address,
        startHandshake(begin) {
          stand(guest)
          const start = () => {
            shaking.set(guest, clock.monotonicMs())
            begin()
          }
          if (shaking.size >= limits.handshakes) makeRoom()
          if (shaking.size < limits.handshakes) start()
          else queued.set(guest, start)
        },
        endHandshake() {
          if (!shaking.has(guest)) return
          sit(guest)
          release(guest)
        },
        leave() {
          cancel()
          stand(guest)
          queued.delete(guest)
          release(guest)
        },
      }
      sit(guest)
      return guest
    },
    undecided: () => waiting.size + queued.size + shaking.size,
  }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item
  return undefined
}
