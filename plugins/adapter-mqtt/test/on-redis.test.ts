import { afterAll, beforeAll, describe } from 'vitest'
import { backing } from './backing.ts'
import { noRedis, startOwnRedis } from './own-redis.ts'

/** They take a quarter of a minute, and are the same tests: `npm run test:long` runs them. */
const noLong = process.env['PATCHBAY_TEST_LONG'] === '1' ? undefined : 'skipped, only in test:long'
const why = noLong ?? noRedis

// What the adapter does with sessions, queues, retained values and wills is the same wherever they are.
describe.skipIf(why !== undefined)(`the adapter on Redis${why === undefined ? '' : `: ${why}`}`, async () => {
  let redis: Awaited<ReturnType<typeof startOwnRedis>> | undefined
  beforeAll(async () => {
    redis = await startOwnRedis()
    backing.open = redis.open
  })
  afterAll(() => redis?.stop())
  await import('./delivery.test.ts')
  await import('./adapter.test.ts')
})
