import { Redis } from 'ioredis'
import { SettingsError } from '../../settings/settings-error.ts'
import { toRedisOptions, toShownRedis, type RedisAddress } from './redis-connection.ts'
import { RedisNotReached } from './redis-not-reached.ts'
import { findRisks } from './redis-safety.ts'

/** A start waits for a Redis that is starting too. */
const patienceMs = 10_000
const lookMs = 250

/** Resolves with what is not durable about this Redis; rejects with a sentence for a person when it cannot be used at all. */
export async function checkRedisAtStart(address: RedisAddress, waitMs = patienceMs): Promise<string[]> {
  const shown = toShownRedis(address.url)
  const untilMs = performance.now() + waitMs
  for (;;) {
    const redis = new Redis(address.url, {
      ...toRedisOptions(address),
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    })
    let lost: Error | undefined
    redis.on('error', (error) => (lost = error))
    try {
      await redis.connect()
      await redis.ping()
      return await findRisks(redis)
    } catch (error) {
      const why = [lost, error].map((each) => (each instanceof Error ? each.message : '')).filter((text) => text !== '')
      if (why.some((text) => /WRONGPASS|NOAUTH|NOPERM/.test(text))) {
        const problem = `has a user or password that ${shown} refuses`
        throw new SettingsError('REDIS_URL', problem, 'mend it', { cause: error })
      }
      if (performance.now() >= untilMs)
        throw new RedisNotReached(`Redis at ${shown}: ${why[0] ?? ''}`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, lookMs))
    } finally {
      redis.disconnect()
    }
  }
}
