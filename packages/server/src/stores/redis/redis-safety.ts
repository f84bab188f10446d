import type { Redis } from 'ioredis'

/** What a Redis must be set to so that it drops no jobs by itself, as sentences about what is not so. */
export async function findRisks(redis: Pick<Redis, 'config'>): Promise<string[]> {
  const risks: string[] = []
  try {
    const policy = await settingOf(redis, 'maxmemory-policy')
    if (policy !== 'noeviction') {
      risks.push(`maxmemory-policy is ${policy}: when memory is short Redis drops jobs. Set it to noeviction.`)
    }
    const appendOnly = await settingOf(redis, 'appendonly')
    if (appendOnly !== 'yes') {
      risks.push(`appendonly is ${appendOnly}: a restart of Redis loses jobs. Set it to yes.`)
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    risks.push(
      `The settings of Redis cannot be read (${why}). See that maxmemory-policy is noeviction and appendonly yes.`,
    )
  }
  return risks
}

async function settingOf(redis: Pick<Redis, 'config'>, name: string): Promise<string> {
  const answer: unknown = await redis.config('GET', name)
  const value: unknown = Array.isArray(answer) ? answer[1] : undefined
  return typeof value === 'string' ? value : 'not known'
}
