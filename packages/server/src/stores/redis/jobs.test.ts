import { randomBytes } from 'node:crypto'
import { jobsContract } from '@patchbay/core/suites/jobs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openRedisJobs } from './jobs.ts'
import { findRedis, noOwnRedis, noRedis, startRedis } from '../../../test/harness/redis-server.ts'

describe.skipIf(noRedis !== undefined)(`BullMQ on Redis${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: Awaited<ReturnType<typeof findRedis>>
  beforeAll(async () => {
    server = await findRedis()
  })
  afterAll(() => server?.stop())

  const open = (prefix: string) => openRedisJobs({ url: server.url, prefix, onState() {}, onRisks() {} })

  jobsContract('Redis', async () => {
    const prefix = `test-${randomBytes(6).toString('hex')}`
    let jobs = open(prefix)
    await vi.waitFor(() => jobs.counts())
    return {
      queue: jobs,
      async reopen() {
        jobs.abandon()
        jobs = open(prefix)
        await vi.waitFor(() => jobs.counts())
        return jobs
      },
      close: () => jobs.close(),
    }
  })
})

describe.skipIf(noOwnRedis !== undefined)(
  `a Redis of our own${noOwnRedis === undefined ? '' : `: ${noOwnRedis}`}`,
  () => {
    test('says what is unsafe about the settings of Redis', async () => {
      const risky = await startRedis({ args: ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'] })
      const risks = Promise.withResolvers<string[]>()
      const jobs = openRedisJobs({ url: risky.url, onState() {}, onRisks: risks.resolve })
      expect(await risks.promise).toEqual([
        expect.stringContaining('maxmemory-policy is allkeys-lru'),
        expect.stringContaining('appendonly is no'),
      ])
      await jobs.close()
      await risky.stop()
    })

    test('rejects calls at once while Redis is away, goes on when it is back, and logs in with a password', async () => {
      const locked = await startRedis({ args: ['--requirepass', 'opensesame'] })
      const states: string[] = []
      const url = locked.url.replace('redis://', 'redis://:opensesame@')
      const jobs = openRedisJobs({ url, onState: (state) => states.push(state), onRisks() {} })
      const seen: string[] = []
      jobs.work('q', { concurrency: 1, leaseMs: 1000 }, async ({ key }) => {
        seen.push(key)
        return { kind: 'done' }
      })
      await vi.waitFor(() => jobs.enqueue('q', [{ key: 'a', data: 0 }]), { timeout: 5000 })
      await vi.waitFor(() => expect(seen).toEqual(['a']), { timeout: 5000 })
      await locked.kill()
      const from = performance.now()
      await expect(jobs.enqueue('q', [{ key: 'b', data: 0 }])).rejects.toMatchObject({ name: 'StoreUnavailable' })
      expect(performance.now() - from).toBeLessThan(6000)
      await locked.restart()
      await vi.waitFor(() => jobs.enqueue('q', [{ key: 'c', data: 0 }]), { timeout: 10_000 })
      await vi.waitFor(() => expect(seen).toContain('c'), { timeout: 10_000 })
      expect(states.slice(0, 3)).toEqual(['ready', 'lost', 'ready'])
      await jobs.close()
      await locked.stop()
    }, 40_000)
  },
)
