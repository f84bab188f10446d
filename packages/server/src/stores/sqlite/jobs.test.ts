import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobsContract } from '@patchbay/core/suites/jobs'
import { expect, test } from 'vitest'
import { openSqliteJobs } from './jobs.ts'

const folder = () => mkdtemp(join(tmpdir(), 'patchbay-jobs-'))

jobsContract('SQLite', async () => {
  const path = await folder()
  const open = () => openSqliteJobs({ file: join(path, 'jobs.sqlite') })
  let jobs = await open()
  return {
    queue: jobs,
    async reopen() {
      await jobs.abandon()
      jobs = await open()
      return jobs
    },
    async close() {
      await jobs.close()
      await rm(path, { recursive: true })
    },
  }
})

test('starts no thread while there is nothing to do', async () => {
  const path = await folder()
  const before = process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length
  const jobs = await openSqliteJobs({ file: join(path, 'jobs.sqlite') })
  const worker = jobs.work('q', { concurrency: 1, leaseMs: 1000 }, async () => ({ kind: 'done' }))
  expect(await jobs.counts()).toEqual([{ name: 'q', waiting: 0, delayed: 0, active: 0, failed: 0 }])
  expect(await jobs.failed('q', { limit: 1 })).toEqual({ items: [] })
  expect(process.getActiveResourcesInfo().filter((name) => name === 'MessagePort')).toHaveLength(before)
  await worker.close()
  await jobs.close()
  await rm(path, { recursive: true })
})
