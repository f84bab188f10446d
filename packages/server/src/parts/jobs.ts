import { join } from 'node:path'
import type { JobQueue } from '@patchbay/core/jobs/port'
import type { Log } from '@patchbay/sdk'
import type { Settings } from '../settings/settings.ts'
import { openSqliteJobs } from '../stores/sqlite/jobs.ts'

export interface Jobs {
  queue: JobQueue
  /** Told what is unsafe about the Redis that holds the jobs, after each connect; an empty list is good news. */
  onRisks(hear: (risks: string[]) => void): void
}

/** The job queue: in Redis when REDIS_URL is set, else in a file. Redis need not be there yet. */
export const openJobs = async (
  settings: Pick<Settings, 'data' | 'redisUrl'>,
  log: Log,
  onFatal: (error: Error) => void,
): Promise<Jobs> => {
  const { redisUrl } = settings
  if (redisUrl === undefined) {
    return { queue: await openSqliteJobs({ file: join(settings.data, 'jobs.sqlite'), onFatal }), onRisks() {} }
  }
  // Only who uses Redis pays for its client.
  const { openRedisJobs } = await import('../stores/redis/jobs.ts')
  const hearers: ((risks: string[]) => void)[] = []
  const queue = openRedisJobs({
    url: redisUrl,
    onState(state, error) {
      if (state === 'ready') log.info('Redis is there: jobs run')
      else log.warn('Redis is away: jobs wait, nothing is lost', { error })
    },
    onRisks(risks) {
      for (const risk of risks) log.warn(risk)
      for (const hear of hearers) hear(risks)
    },
  })
  return { queue, onRisks: (hear) => void hearers.push(hear) }
}
