import { join } from 'node:path'
import type { RedisState } from '@patchbay/contracts/system'
import type { JobQueue } from '@patchbay/core/jobs/port'
import type { Log, SharedRedis } from '@patchbay/sdk'
import type { RedisBus } from '../node-bus/redis-bus.ts'
import type { Settings } from '../settings/settings.ts'
import { openSqliteJobs } from '../stores/sqlite/jobs.ts'

export interface Jobs {
  queue: JobQueue
  /** Told what is unsafe about the Redis that holds the jobs, after each connect; an empty list is good news. */
  onRisks(hear: (risks: string[]) => void): void
  /** Undefined without Redis. */
  shared: SharedRedis | undefined
  /** Tells the other nodes, and hears them; undefined without Redis. */
  bus: RedisBus | undefined
  /** How Redis is; undefined without one. */
  state(): RedisState | undefined
}

/** The job queue: in Redis when REDIS_URL is set, else in a file. Redis must be there. */
export const openJobs = async (
  settings: Pick<Settings, 'data' | 'redisUrl' | 'redisCa'>,
  log: Log,
  onFatal: (error: Error) => void,
): Promise<Jobs> => {
  const { redisUrl, redisCa: caFile } = settings
  if (redisUrl === undefined) {
    const queue = await openSqliteJobs({ file: join(settings.data, 'jobs.sqlite'), onFatal })
    return { queue, onRisks() {}, shared: undefined, bus: undefined, state: () => undefined }
  }
  // Only who uses Redis pays for its client.
  const { checkRedisAtStart } = await import('../stores/redis/start-checks.ts')
  const { createRedisBus } = await import('../node-bus/redis-bus.ts')
  const { openRedisJobs } = await import('../stores/redis/jobs.ts')
  const { createSharedRedis } = await import('../stores/redis/shared-redis.ts')
  const { toShownRedis } = await import('../stores/redis/redis-connection.ts')
  const address = { url: redisUrl, caFile }
  let state: RedisState = {
    state: 'ready',
    address: toShownRedis(redisUrl),
    notDurable: await checkRedisAtStart(address),
  }
  const hearers: ((risks: string[]) => void)[] = []
  const queue = openRedisJobs({
    ...address,
    onState(now, error) {
      state = { ...state, state: now === 'ready' ? 'ready' : 'away' }
      if (now === 'ready') log.info('Redis is there')
      else log.warn('Redis is away: jobs wait, and no message is acknowledged that has to be kept in it', { error })
    },
    onRisks(risks) {
      state = { ...state, notDurable: risks }
      for (const risk of risks) log.warn(risk)
      for (const hear of hearers) hear(risks)
    },
  })
  const shared = createSharedRedis(address)
  const bus = createRedisBus(shared, log)
  await bus.open()
  return {
    queue,
    onRisks: (hear) => void hearers.push(hear),
    shared,
    bus,
    state: () => state,
  }
}
