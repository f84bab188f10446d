import { SettingsError } from '../settings/settings-error.ts'
import { findNodes } from './nodes.ts'
import { type Check, fail, type Finding, ok, skip, warn } from './finding.ts'

/** Two clocks that differ by more than this date alerts and points differently. */
const clockLimitMs = 5000
const slowAnswerMs = 100
const connectMs = 5000

const numberIn = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

/** The clock that another machine has, against this one's. */
export function compareClocks(name: string, theirsMs: number, oursMs: number): Finding {
  const apart = Math.round(Math.abs(theirsMs - oursMs) / 1000)
  if (Math.abs(theirsMs - oursMs) <= clockLimitMs) return ok('clock', `the clocks here and at ${name} agree`)
  return warn(
    'clock',
    `the clocks here and at ${name} are ${apart} s apart`,
    'Let both machines set their clocks by NTP.',
  )
}

export const checkMongo: Check = async ({ settings: { mongodbUrl: url, roles } }) => {
  if (url === undefined) return [skip('MongoDB', 'MONGODB_URL is not set: everything lies in the data folder')]
  const { connectMongo } = await import('../stores/mongodb/connection.ts')
  const { refuseUnfitServer, toSettingsFault, toShownAddress } = await import('../stores/mongodb/start-checks.ts')
  const address = toShownAddress(url)
  const remedy = 'See that it runs and that this machine reaches it, or mend MONGODB_URL.'
  let link
  try {
    link = await connectMongo({ url })
  } catch (error) {
    const fault = toSettingsFault(error, address)
    // The driver's own words may hold the password.
    return [fail('MongoDB', fault?.message ?? `${address} does not answer`, remedy)]
  }
  try {
    const hello: unknown = await link.db.command({ hello: 1 })
    refuseUnfitServer(typeof hello === 'object' && hello !== null ? hello : {}, address)
    const began = performance.now()
    const sentMs = Date.now()
    const { version } = await link.db.admin().command({ buildInfo: 1 })
    const answerMs = performance.now() - began
    // Reads under the user's rights; the database may be empty.
    await link.db.collection('devices').findOne({})
    const findings = [
      ok('MongoDB', `${address} answers as version ${String(version)} within ${answerMs.toFixed(0)} ms`),
    ]
    if (answerMs > slowAnswerMs)
      findings.push(warn('MongoDB', 'each acknowledgement waits for its answers', 'Bring it nearer to this machine.'))
    const local = numberIn(await link.db.command({ hello: 1 }), 'localTime')
    if (local instanceof Date) findings.push(compareClocks('MongoDB', local.getTime(), sentMs))
    findings.push(...(await findJournal(link.db)))
    findings.push(...(await findNodes(link.db.collection('meta'), roles)))
    return findings
  } catch (error) {
    if (error instanceof SettingsError) return [fail('MongoDB', error.message, remedy)]
    const fault = toSettingsFault(error, address)
    return [fail('MongoDB', fault?.message ?? `${address} does not do what is asked`, remedy)]
  } finally {
    await link.close()
  }
}

/** Whether a write with its journal is taken; the collection is left as it was. */
async function findJournal(db: {
  collection(name: string): { deleteOne(filter: object, options: object): Promise<unknown> }
}): Promise<Finding[]> {
  try {
    await db.collection('doctor').deleteOne({ _id: 'nobody' }, { writeConcern: { w: 'majority', journal: true } })
    return [ok('MongoDB', 'writes that wait for the journals of the majority are taken')]
  } catch {
    // The driver's words may hold the address: what was asked says enough.
    const remedy = 'Give the user the role readWrite on that database, and see that the server keeps a journal.'
    return [fail('MongoDB', 'a write that waits for the journals of the majority is refused', remedy)]
  }
}

export const checkRedis: Check = async ({ settings: { redisUrl: url, redisCa: caFile } }) => {
  if (url === undefined) return [skip('Redis', 'REDIS_URL is not set: jobs and MQTT sessions are in files')]
  const { Redis } = await import('ioredis')
  const { findRisks } = await import('../stores/redis/redis-safety.ts')
  const { toRedisOptions } = await import('../stores/redis/redis-connection.ts')
  const { host } = new URL(url)
  const redis = new Redis(url, {
    ...toRedisOptions({ url, caFile }),
    lazyConnect: true,
    connectTimeout: connectMs,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  let why = ''
  redis.on('error', (error) => (why = error.message))
  try {
    await redis.connect()
    const info = await redis.info('server')
    const version = /^(?:valkey|redis)_version:(\S+)/m.exec(info)?.[1] ?? 'not known'
    const risks = await findRisks(redis)
    const sentMs = Date.now()
    const [seconds] = await redis.time()
    return [
      ok('Redis', `${host} answers as version ${version}`),
      ...risks.map((risk) => warn('Redis', risk, 'Set it in the configuration of Redis.')),
      compareClocks('Redis', Number(seconds) * 1000, sentMs),
    ]
  } catch (error) {
    const reason = why || (error instanceof Error ? error.message : '')
    return [fail('Redis', `${host} does not answer: ${reason}`, 'See that it runs, or mend REDIS_URL.')]
  } finally {
    redis.disconnect()
  }
}
