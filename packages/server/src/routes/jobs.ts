import { FailedJob, JobQueueCounts } from '@patchbay/contracts/job'
import { pageOf } from '@patchbay/contracts/page'
import { dispatchLimits } from '@patchbay/core/alerts/limits'
import { DomainError } from '@patchbay/core/errors'
import { Type } from 'typebox'
import { callerOf } from '../rest/caller.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'
import { toIso } from '../rest/time.ts'

const queue = Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$' })
const one = Type.Object({ queue, key: Type.String({ minLength: 1, maxLength: 256 }) })
const tags = ['jobs']

const absent = (name: string, key: string) =>
  new DomainError('NOT_FOUND', `The queue "${name}" has no failed job "${key}".`)

export const jobRoutes: Routes = (app, { alerting: { jobs, dispatcher } }) => {
  app.get(
    '/api/v1/jobs',
    {
      config: { permission: 'jobs.read' },
      schema: {
        operationId: 'listJobQueues',
        summary: 'The queues and how many jobs each holds',
        tags,
        response: { 200: Type.Object({ items: Type.Array(ref(JobQueueCounts)) }) },
      },
    },
    async () => ({ items: await jobs.counts() }),
  )
  app.get(
    '/api/v1/jobs/:queue/failed',
    {
      config: { permission: 'jobs.read' },
      schema: {
        operationId: 'listFailedJobs',
        summary: 'Jobs that are not tried any more, the latest first',
        tags,
        params: Type.Object({ queue }),
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(FailedJob)) },
      },
    },
    async ({ params, query }) => {
      const { items, ...more } = await jobs.failed(params.queue, toPage(query))
      const shown = items.map(({ createdMs, failedMs, ...job }) => ({
        ...job,
        queue: params.queue,
        createdAt: toIso(createdMs * 1000),
        failedAt: toIso(failedMs * 1000),
      }))
      return { items: shown, ...more }
    },
  )
  app.post(
    '/api/v1/jobs/:queue/failed/:key/retry',
    {
      config: { permission: 'jobs.write' },
      schema: {
        operationId: 'retryJob',
        summary: 'Tries a failed job again, from the beginning',
        tags,
        params: one,
        response: { 202: Type.Object({ queue, key: Type.String() }) },
      },
    },
    async (request, reply) => {
      const { queue: name, key } = request.params
      request.auditTarget = key
      // The alert is the truth of a delivery: it opens first, so that the job does not find it closed.
      const opened = name === dispatchLimits.queue && (await dispatcher.reopen(key, callerOf(request).actor))
      const retried = await jobs.retry(name, key)
      if (!opened && !retried) throw absent(name, key)
      return reply.code(202).send({ queue: name, key })
    },
  )
  app.delete(
    '/api/v1/jobs/:queue/failed/:key',
    {
      config: { permission: 'jobs.write' },
      schema: {
        operationId: 'removeJob',
        summary: 'Takes a failed job out',
        tags,
        params: one,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { queue: name, key } = request.params
      request.auditTarget = key
      if (!(await jobs.findFailed(name, key))) throw absent(name, key)
      if (name === dispatchLimits.queue) await dispatcher.drop(key)
      await jobs.remove(name, key)
      return reply.code(204).send(null)
    },
  )
}
