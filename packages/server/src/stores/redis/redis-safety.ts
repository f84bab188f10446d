import type { Redis } from 'ioredis'

/** What a Redis must be set to so that it loses nothing by itself, as sentences about what is not so. */
export async function findRisks(redis: Pick<Redis, 'config'>): Promise<string[]> {
  const risks: string[] = []
  try {
    const policy = await settingOf(redis, 'maxmemory-policy')
    if (policy !== 'noeviction') {
      risks.push(
        `maxmemory-policy is ${policy}: when memory is short Redis drops jobs and MQTT sessions. Set it to noeviction.`,
      )
    }
    const appendOnly = await settingOf(redis, 'appendonly')
    if (appendOnly !== 'yes') {
      risks.push(`appendonly is ${appendOnly}: a restart of Redis loses jobs and MQTT sessions. Set it to yes.`)
    }
    const sync = await settingOf(redis, 'appendfsync')
    if (appendOnly === 'yes' && sync !== 'always') {
      risks.push(
        `appendfsync is ${sync}: a crash of Redis loses what it acknowledged last (MQTT sessions, retained values). Set it to always.`,
      )
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    risks.push(
      `The settings of Redis cannot be read (${why}). See that maxmemory-policy is noeviction, appendonly yes and appendfsync always.`,
    )
  }
  return risks
}

async function settingOf(redis: Pick<Redis, 'config'>, name: string): Promise<string> {
  const answer: unknown = await redis.config('GET', name)
  const value: unknown = Array.isArray(answer) ? answer[1] : undefined
  return typeof value === 'string' ? value : 'not known'
}
