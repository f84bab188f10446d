import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CursorInvalid } from '../src/cursor-invalid.ts'
import type { Job, JobOutcome, JobQueue, Worker } from '../src/jobs/port.ts'

export interface JobsUnderTest {
  queue: JobQueue
  /** The same jobs after the process has died: what it held is leased no more, or only until its lease ends. */
  reopen(): Promise<JobQueue>
  close(): Promise<void>
}

const options = { concurrency: 4, leaseMs: 1000 }
const until = (what: () => unknown) => vi.waitFor(what, { timeout: 10_000, interval: 10 })

/** What every job queue must do, whatever it lies on. */
export function jobsContract(name: string, open: () => Promise<JobsUnderTest>): void {
  describe(`the job queue on ${name}`, { timeout: 30_000 }, () => {
    let under: JobsUnderTest
    let queue: JobQueue
    const workers: Worker[] = []
    beforeEach(async () => {
      under = await open()
      queue = under.queue
    })
    afterEach(async () => {
      for (const worker of workers.splice(0)) await worker.close()
      await under.close()
    })

    /** Runs jobs of `q` and keeps what was run. */
    function work(outcome: (job: Job) => JobOutcome | Promise<JobOutcome>, more: Partial<typeof options> = {}) {
      const seen: Job[] = []
      const worker = queue.work('q', { ...options, ...more }, async (job) => {
        seen.push(job)
        return outcome(job)
      })
      workers.push(worker)
      return { seen, worker }
    }
    const done = { kind: 'done' } as const
    const stateOf = async () => (await queue.counts()).find((each) => each.name === 'q')
    const nothing = { name: 'q', waiting: 0, delayed: 0, active: 0, failed: 0 }

    test('runs what was put in before and after the worker came, with its data', async () => {
      await queue.enqueue('q', [{ key: 'a', data: { n: [1, 'x'] } }])
      const { seen } = work(() => done)
      await until(() => expect(seen).toHaveLength(1))
      await queue.enqueue('q', [
        { key: 'b', data: null },
        { key: 'c', data: 'text' },
      ])
      await until(() => expect(seen).toHaveLength(3))
      expect(seen.toSorted((one, other) => (one.key < other.key ? -1 : 1))).toEqual([
        { key: 'a', data: { n: [1, 'x'] }, attempt: 1 },
        { key: 'b', data: null, attempt: 1 },
        { key: 'c', data: 'text', attempt: 1 },
      ])
      await until(async () => expect((await stateOf()) ?? nothing).toEqual(nothing))
    })

    test('holds a key once while it waits, is delayed, runs or has failed, and takes it again when it is done', async () => {
      let runs = 0
      const gate = Promise.withResolvers<void>()
      await queue.enqueue('q', [
        { key: 'a', data: 1 },
        { key: 'a', data: 2 },
      ])
      await queue.enqueue('q', [{ key: 'a', data: 3, delayMs: 60_000 }])
      expect(await stateOf()).toEqual({ ...nothing, waiting: 1 })
      const { seen } = work(async () => {
        runs++
        await gate.promise
        return runs > 1 ? { kind: 'failed', why: 'told to' } : done
      })
      await until(() => expect(runs).toBe(1))
      await queue.enqueue('q', [{ key: 'a', data: 4 }])
      expect(await stateOf()).toEqual({ ...nothing, active: 1 })
      gate.resolve()
      await until(async () => expect((await stateOf()) ?? nothing).toEqual(nothing))
      expect(seen).toEqual([{ key: 'a', data: 1, attempt: 1 }])
      await queue.enqueue('q', [{ key: 'a', data: 5 }])
      await until(async () => expect(await stateOf()).toEqual({ ...nothing, failed: 1 }))
      await queue.enqueue('q', [{ key: 'a', data: 6 }])
      expect(await stateOf()).toEqual({ ...nothing, failed: 1 })
      expect(runs).toBe(2)
    })

    test('runs a delayed job when its time has come, and not before', async () => {
      const { seen } = work(() => done)
      // What starts with the first job must not count.
      await queue.enqueue('q', [{ key: 'first', data: 0 }])
      await until(() => expect(seen.splice(0)).toHaveLength(1))
      const from = performance.now()
      await queue.enqueue('q', [
        { key: 'late', data: 0, delayMs: 1500 },
        { key: 'now', data: 0 },
      ])
      await until(() => expect(seen.map(({ key }) => key)).toEqual(['now']))
      expect((await stateOf())?.delayed).toBe(1)
      await until(() => expect(seen.map(({ key }) => key)).toEqual(['now', 'late']))
      expect(performance.now() - from).toBeGreaterThan(1490)
      expect(performance.now() - from).toBeLessThan(9000)
    })

    test('tries again after the wait that the run asked for, counting the tries', async () => {
      const at: number[] = []
      const { seen } = work(({ attempt }) => {
        at.push(performance.now())
        return attempt < 3 ? { kind: 'retry', afterMs: 300, why: 'not yet' } : done
      })
      await queue.enqueue('q', [{ key: 'a', data: 0 }])
      await until(() => expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3]))
      expect(at[1]! - at[0]!).toBeGreaterThan(290)
      expect(at[2]! - at[1]!).toBeGreaterThan(290)
      await until(async () => expect((await stateOf()) ?? nothing).toEqual(nothing))
    })

    test('shows what failed, newest first by pages, and runs it again or takes it out when told', async () => {
      let fails = true
      const { seen } = work(({ key }) => (fails ? { kind: 'failed', why: `no ${key}` } : done))
      for (const key of ['a', 'b', 'c']) {
        await queue.enqueue('q', [{ key, data: { of: key } }])
        await until(async () => expect(await queue.findFailed('q', key)).toBeDefined())
        await wait(5)
      }
      const first = await queue.failed('q', { limit: 2 })
      expect(first.items.map(({ key }) => key)).toEqual(['c', 'b'])
      expect(first.items[0]).toMatchObject({ data: { of: 'c' }, attempts: 1, why: 'no c' })
      expect(first.items[0]!.failedMs).toBeGreaterThanOrEqual(first.items[0]!.createdMs)
      const second = await queue.failed('q', { limit: 2, cursor: first.nextCursor! })
      expect(second.items.map(({ key }) => key)).toEqual(['a'])
      expect(second.nextCursor).toBeUndefined()
      await expect(queue.failed('q', { limit: 2, cursor: 'no such' })).rejects.toThrow(CursorInvalid)
      fails = false
      expect(await queue.retry('q', 'b')).toBe(true)
      await until(() => expect(seen.filter(({ key }) => key === 'b')).toHaveLength(2))
      expect(seen.at(-1)?.attempt).toBe(1)
      expect(await queue.remove('q', 'c')).toBe(true)
      await until(async () =>
        expect((await queue.failed('q', { limit: 9 })).items.map(({ key }) => key)).toEqual(['a']),
      )
      expect(await queue.retry('q', 'c')).toBe(false)
      expect(await queue.remove('q', 'nothing')).toBe(false)
      expect(await queue.findFailed('q', 'b')).toBeUndefined()
    })

    test('takes out a waiting or delayed job, and none that runs', async () => {
      await queue.enqueue('q', [
        { key: 'a', data: 0 },
        { key: 'b', data: 0, delayMs: 60_000 },
      ])
      expect(await queue.remove('q', 'a')).toBe(true)
      expect(await queue.remove('q', 'b')).toBe(true)
      const gate = Promise.withResolvers<void>()
      const { seen } = work(async () => {
        await gate.promise
        return done
      })
      await queue.enqueue('q', [{ key: 'c', data: 0 }])
      await until(() => expect(seen).toHaveLength(1))
      expect(await queue.remove('q', 'c')).toBe(false)
      gate.resolve()
      await until(async () => expect((await stateOf()) ?? nothing).toEqual(nothing))
    })

    test('tries a run again that throws', async () => {
      const { seen } = work(({ attempt }) => {
        if (attempt === 1) throw new Error('broken')
        return done
      })
      await queue.enqueue('q', [{ key: 'a', data: 0 }])
      await until(() => expect(seen).toHaveLength(2))
    })

    test('runs as many at once as permitted, and each of many once', async () => {
      let now = 0
      let most = 0
      const { seen } = work(async () => {
        most = Math.max(most, ++now)
        await wait(2)
        now--
        return done
      })
      const keys = Array.from({ length: 500 }, (_, i) => `k${i}`)
      await queue.enqueue(
        'q',
        keys.map((key) => ({ key, data: 0 })),
      )
      await until(() => expect(seen).toHaveLength(500))
      expect(new Set(seen.map(({ key }) => key)).size).toBe(500)
      expect(most).toBeGreaterThan(1)
      expect(most).toBeLessThanOrEqual(options.concurrency)
    })

    test('keeps a long run to itself: its lease is renewed', async () => {
      const { seen } = work(async () => {
        await wait(2500)
        return done
      })
      await queue.enqueue('q', [{ key: 'a', data: 0 }])
      await until(async () => expect((await stateOf()) ?? nothing).toEqual(nothing))
      expect(seen).toHaveLength(1)
    })

    test('closing a worker waits for what runs and starts nothing more', async () => {
      const { seen, worker } = work(async () => {
        await wait(200)
        return done
      })
      await queue.enqueue('q', [{ key: 'a', data: 0 }])
      await until(() => expect(seen).toHaveLength(1))
      await worker.close()
      await queue.enqueue('q', [{ key: 'b', data: 0 }])
      await wait(300)
      expect(seen).toHaveLength(1)
      expect(await stateOf()).toEqual({ ...nothing, waiting: 1 })
    })

    test('runs again what a process that died was running, and keeps what waited and failed', async () => {
      const never = Promise.withResolvers<JobOutcome>()
      const held: string[] = []
      queue.work('q', options, (job) => {
        held.push(job.key)
        return job.key === 'bad' ? Promise.resolve({ kind: 'failed', why: 'bad' }) : never.promise
      })
      await queue.enqueue('q', [
        { key: 'bad', data: 0 },
        { key: 'a', data: 0 },
        { key: 'b', data: 0, delayMs: 500 },
      ])
      await until(() => expect(held).toContain('a'))
      await until(async () => expect((await stateOf())?.failed).toBe(1))
      queue = await under.reopen()
      const { seen } = work(() => done)
      await until(() => expect(seen.map(({ key }) => key).toSorted()).toEqual(['a', 'b']))
      expect((await queue.failed('q', { limit: 9 })).items.map(({ key }) => key)).toEqual(['bad'])
      never.resolve(done)
    })
  })
}
