import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { describe, expect, test, vi } from 'vitest'
import { startAlertHost } from '../harness/alert-host.ts'
import { startAlertSink } from '../harness/alert-sink.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { noOwnRedis, startRedis } from '../harness/redis-server.ts'
import { makeDataFolder } from '../harness/server-process.ts'
import { createAlertLoad } from './alert-load.ts'

const rounds = isLong ? 20 : 2
const killBetweenMs = { least: 1000, most: 2500 }
const awayMs = 500
const resumeLimitMs = 35_000
/** What gathered while Redis was away takes its time to be told; that none is missing is what counts. */
const caughtUpLimitMs = 180_000

describe.skipIf(noOwnRedis !== undefined)(`Redis${noOwnRedis === undefined ? '' : `: ${noOwnRedis}`}`, () => {
  test(
    `${rounds} × kill -9 and a FLUSHALL under 200 alerts/s lose no notification and double at most 1 %`,
    { timeout: 240_000 + rounds * 15_000 },
    async () => {
      const random = createRandom('redis kill')
      const data = await makeDataFolder()
      const sink = await startAlertSink()
      const redis = await startRedis()
      const load = createAlertLoad()
      const env = { REDIS_URL: redis.url }
      const host = await startAlertHost({ data: data.path, url: sink.url, env, onApplied: load.onApplied })
      const missing = (rules: readonly string[]) => rules.filter((rule) => !sink.rules.has(rule)).length
      /** How long until all that was raised before has been told. */
      const untilTold = async (): Promise<number> => {
        const rules = [...load.rules]
        const from = performance.now()
        await vi.waitFor(() => expect(missing(rules)).toBe(0), { timeout: caughtUpLimitMs, interval: 100 })
        return performance.now() - from
      }
      try {
        load.follow(host)
        const resumedMs: number[] = []
        for (let round = 0; round < rounds; round++) {
          await wait(killBetweenMs.least + random.next() * (killBetweenMs.most - killBetweenMs.least))
          await redis.kill()
          await wait(awayMs)
          await redis.restart()
          const back = performance.now()
          const before = sink.rules.size
          await vi.waitFor(() => expect(sink.rules.size).toBeGreaterThan(before), { timeout: 60_000, interval: 50 })
          resumedMs.push(performance.now() - back)
        }
        await wait(1000)
        const admin = new Redis(redis.url)
        await admin.flushall()
        const flushed = performance.now()
        const before = sink.rules.size
        await vi.waitFor(() => expect(sink.rules.size).toBeGreaterThan(before), { timeout: 60_000, interval: 50 })
        const flushResumedMs = performance.now() - flushed
        await wait(1000)
        admin.disconnect()
        load.stop()
        const toldMs = await untilTold()
        const doubled = [...sink.tries.values()].reduce((sum, tries) => sum + tries - 1, 0)
        console.log(
          `redis kill: ${rounds} × kill -9 and FLUSHALL, alerts ${load.rules.length}, missing ${missing(load.rules)}, ` +
            `doubled ${doubled} (${((100 * doubled) / load.rules.length).toFixed(2)} %), resumed after at most ` +
            `${Math.round(Math.max(...resumedMs))} ms, after FLUSHALL ${Math.round(flushResumedMs)} ms, all told ${Math.round(toldMs)} ms ` +
            `after the last, seed ${random.seed}`,
        )
        expect(load.waiting).toBe(0)
        expect(doubled).toBeLessThanOrEqual(load.rules.length / 100)
        expect(Math.max(...resumedMs, flushResumedMs)).toBeLessThan(resumeLimitMs)
      } catch (error) {
        console.log(host.errors())
        throw error
      } finally {
        load.stop()
        await host.kill()
        await redis.stop()
        await sink.close()
        await data.remove()
      }
    },
  )
})
