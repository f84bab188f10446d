import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'

/** Tries a minute: of one account from one address, of one account from all unknown addresses, and from one address. */
const accountTries = 10
const accountTriesEverywhere = 30
const addressTries = 30
const windowMs = 60_000
/** Counters kept; the oldest go first. */
const maxCounters = 20_000
/** Addresses remembered as good, so that strangers' guesses elsewhere do not lock a person out. */
const maxKnown = 5_000

interface Counter {
  tries: number
  sinceMs: number
}

export interface LoginLimiter {
  /** Counts a try before it is made; rejects it (LOGIN_RATE) over the limit. */
  take(account: string | undefined, address: string): void
  /** The password was right: the tries are forgiven. */
  succeed(account: string, address: string): void
}

/** One holder of an IPv6 network has 2^64 addresses, so the network counts. */
const networkOf = (address: string): string => {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.toLowerCase().split('::')
  const front = head.split(':').filter((group) => group !== '')
  const missing = tail === undefined ? 0 : 8 - front.length - tail.split(':').filter((group) => group !== '').length
  const whole = [...front, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...(tail ?? '').split(':')]
  return `${whole.slice(0, 4).join(':')}::/64`
}

const remember = <V>(map: Map<string, V>, key: string, value: V, limit: number): void => {
  map.delete(key)
  map.set(key, value)
  if (map.size <= limit) return
  const oldest = map.keys().next().value
  if (oldest !== undefined) map.delete(oldest)
}

export const createLoginLimiter = (clock: Clock): LoginLimiter => {
  const counters = new Map<string, Counter>()
  const known = new Map<string, true>()
  const counterOf = (key: string): Counter => {
    const nowMs = clock.monotonicMs()
    const found = counters.get(key)
    if (found && nowMs - found.sinceMs < windowMs) return found
    const fresh = { tries: 0, sinceMs: nowMs }
    remember(counters, key, fresh, maxCounters)
    return fresh
  }
  const limitsOf = (account: string | undefined, address: string): { counter: Counter; limit: number }[] => {
    const limits = [{ counter: counterOf(`at ${address}`), limit: addressTries }]
    if (account === undefined) return limits
    const pair = `${address} ${account}`
    limits.push({ counter: counterOf(`pair ${pair}`), limit: accountTries })
    if (!known.has(pair)) limits.push({ counter: counterOf(`of ${account}`), limit: accountTriesEverywhere })
    return limits
  }
  return {
    take(account, from) {
      const limits = limitsOf(account, networkOf(from))
      const full = limits.find(({ counter, limit }) => counter.tries >= limit)
      if (full) {
        const waitMs = windowMs - (clock.monotonicMs() - full.counter.sinceMs)
        const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
        throw new DomainError('LOGIN_RATE', `Too many tries. Wait ${retryAfterSeconds} s.`, { retryAfterSeconds })
      }
      for (const { counter } of limits) counter.tries += 1
    },
    succeed(account, from) {
      const address = networkOf(from)
      for (const { counter } of limitsOf(account, address)) counter.tries = Math.max(0, counter.tries - 1)
      const pair = `${address} ${account}`
      counterOf(`pair ${pair}`).tries = 0
      remember(known, pair, true, maxKnown)
    },
  }
}
