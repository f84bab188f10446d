import { Redis } from 'ioredis'

export interface RedisLink {
  /** A connection for calls: it answers at once that Redis is away, instead of holding calls back. */
  readonly calls: Redis
  /** A connection for workers, which wait as long as Redis is away. */
  readonly work: Redis
  close(): void
}

/** The wait before the n-th reconnect: short, so that a Redis that comes back is used within seconds. */
const toRetryMs = (times: number): number => Math.min(100 * times, 1_000)
const CONNECT_MS = 5_000

/** Connects to `redis://` or, with TLS, `rediss://`; user and password stand in the address. */
export function connectRedis(url: string, onState: (state: 'lost' | 'ready', error?: Error) => void): RedisLink {
  const options = { connectTimeout: CONNECT_MS, retryStrategy: toRetryMs, maxRetriesPerRequest: null }
  const calls = new Redis(url, { ...options, enableOfflineQueue: false })
  const work = new Redis(url, options)
  let lost: Error | undefined
  let told = false
  calls.on('error', (error) => (lost = error))
  calls.on('close', () => {
    if (!told) onState('lost', lost)
    told = true
  })
  calls.on('ready', () => {
    told = false
    onState('ready')
  })
  // Told by the other connection already.
  work.on('error', () => undefined)
  return {
    calls,
    work,
    close() {
      calls.removeAllListeners('close')
      calls.disconnect()
      work.disconnect()
    },
  }
}
