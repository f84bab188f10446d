import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { SettingsError } from '../../settings/settings-error.ts'

/** Where Redis is. User, password and database number stand in the address; `rediss://` is TLS. */
export interface RedisAddress {
  url: string
  /** File with the certificates, in PEM, that its certificate is checked with; without it those of the system. */
  caFile?: string | undefined
}

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

/** What every connection to Redis has in common. */
export function toRedisOptions({ url, caFile }: RedisAddress) {
  const options = { connectTimeout: CONNECT_MS, retryStrategy: toRetryMs, keepAlive: CONNECT_MS }
  if (caFile === undefined || !url.startsWith('rediss:')) return options
  try {
    return { ...options, tls: { ca: readFileSync(caFile) } }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SettingsError('PATCHBAY_REDIS_CA', `names a file that cannot be read (${why})`, 'give one that can', {
      cause,
    })
  }
}

/** The address without user and password. */
export const toShownRedis = (url: string): string => new URL(url).host

/** Connects for the jobs. */
export function connectRedis(
  address: RedisAddress,
  onState: (state: 'lost' | 'ready', error?: Error) => void,
): RedisLink {
  const options = { ...toRedisOptions(address), maxRetriesPerRequest: null }
  const calls = new Redis(address.url, { ...options, enableOfflineQueue: false })
  const work = new Redis(address.url, options)
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
