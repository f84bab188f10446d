import type { Clock } from '../clock.ts'
import { refuse } from '../errors.ts'

/** Refused logins within the window, after which an address, or those who tried a device, must wait. */
export const maxRefusedPerAddress = 30
export const maxRefusedPerDevice = 10
export const refusedWindowMs = 60_000
/** Addresses, devices and pairs of them that are remembered; the longest known go first. */
export const maxTracked = 10_000

export interface LoginLimiter {
  /** Throws LOGIN_RATE when this login is not even looked at. */
  assertMayTry(address: string, device?: string): void
  refused(address: string, device?: string): void
  accepted(address: string, device: string): void
}

/**
 * Slows down guessing without locking out who has the secret: a device under attack still enters from an address that has not
 * tried wrong ones, and a device that entered from an address before still does when others at that address are refused.
 */
export function createLoginLimiter(deps: { clock: Clock }): LoginLimiter {
  const { clock } = deps
  const addresses = createCounter(clock)
  const devices = createCounter(clock)
  const pairs = createCounter(clock)
  const entered = new Map<string, true>()

  return {
    assertMayTry(address, device) {
      const network = toNetwork(address)
      const pair = device === undefined ? undefined : `${network}\0${device}`
      if (pair !== undefined && device !== undefined) {
        if (devices.count(device) >= maxRefusedPerDevice && pairs.count(pair) > 0) throw refuse('LOGIN_RATE')
        if (entered.has(pair)) return
      }
      if (addresses.count(network) >= maxRefusedPerAddress) throw refuse('LOGIN_RATE')
    },
    refused(address, device) {
      const network = toNetwork(address)
      addresses.add(network)
      if (device === undefined) return
      devices.add(device)
      pairs.add(`${network}\0${device}`)
    },
    accepted(address, device) {
      const pair = `${toNetwork(address)}\0${device}`
      entered.delete(pair)
      dropOldest(entered)
      entered.set(pair, true)
    },
  }
}

/** Counts per key within a window that begins with the first one. */
function createCounter(clock: Clock) {
  const windows = new Map<string, { count: number; sinceMs: number }>()
  const current = (key: string) => {
    const window = windows.get(key)
    if (window && clock.monotonicMs() - window.sinceMs >= refusedWindowMs) windows.delete(key)
    return windows.get(key)
  }
  return {
    count: (key: string) => current(key)?.count ?? 0,
    add(key: string) {
      const window = current(key)
      if (window) {
        window.count++
        return
      }
      dropOldest(windows)
      windows.set(key, { count: 1, sinceMs: clock.monotonicMs() })
    },
  }
}

function dropOldest(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size < maxTracked) break
    map.delete(oldest)
  }
}

/** One host has a whole /64 of IPv6 to come from, so that counts as one address. */
export function toNetwork(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address.replace(/^::ffff:/i, '')
  const [head = '', tail] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length)
  const all = [...first, ...Array.from({ length: zeros }, () => '0'), ...last]
  // The loopback address shares its network with nobody.
  return address === '::1' ? address : `${all.slice(0, 4).join(':')}::/64`.toLowerCase()
}
