import { DeviceId } from '@patchbay/contracts/id'
import {
  Latest,
  RawTelemetry,
  type TelemetryQuery,
  TelemetryQuery as Query,
  TelemetrySeries,
} from '@patchbay/contracts/telemetry'
import { DomainError } from '@patchbay/core/errors'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { RestError } from '../rest/errors.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'
import { toIso, toMicros } from '../rest/time.ts'

const dayMicros = 86_400_000_000
const msMicros = 1000
const defaultPoints = 300
const defaultRawLimit = 1000

const params = Type.Object({ id: DeviceId })

const keysOf = (text: string | undefined): readonly string[] | undefined => {
  const keys = text?.split(',').filter((key) => key !== '')
  return keys && keys.length > 0 ? [...new Set(keys)] : undefined
}

/** The asked period in µs; the last 24 h when not told. `to` is exclusive, so the default ends one step after now. */
const periodOf = (query: TelemetryQuery, nowMicros: number) => {
  const to = query.to === undefined ? nowMicros + msMicros : toMicros('to', query.to)
  const from = query.from === undefined ? Math.max(0, to - dayMicros) : toMicros('from', query.from)
  if (from >= to) throw new RestError('QUERY_INVALID', 'from must lie before to.')
  return { from, to }
}

/** Ends with the request, so that a store does not go on reading for a caller who left. */
const untilGone = (request: FastifyRequest): AbortSignal => {
  const controller = new AbortController()
  request.raw.once('close', () => {
    if (!request.raw.complete || request.raw.destroyed) controller.abort()
  })
  return controller.signal
}

const readRaw = async (
  telemetry: TelemetryStore,
  device: string,
  query: TelemetryQuery,
  now: number,
  signal: AbortSignal,
) => {
  const keys = keysOf(query.keys)
  const page = await telemetry.raw(
    {
      device,
      ...periodOf(query, now),
      limit: query.limit ?? defaultRawLimit,
      ...(keys ? { keys } : {}),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    },
    { signal },
  )
  const items = page.items.map((point) => ({ key: point.key, at: toIso(point.at), value: point.value }))
  return page.nextCursor === undefined ? { items } : { items, nextCursor: page.nextCursor }
}

const readBuckets = async (
  telemetry: TelemetryStore,
  device: string,
  query: TelemetryQuery,
  now: number,
  signal: AbortSignal,
) => {
  const { from, to } = periodOf(query, now)
  const aggregate = query.aggregate ?? 'avg'
  const stepMs = Math.max(1, Math.ceil((to - from) / msMicros / (query.points ?? defaultPoints)))
  const keys = keysOf(query.keys)
  const answer = await telemetry.range(
    { device, from, to, step: stepMs * msMicros, aggregate, ...(keys ? { keys } : {}) },
    { signal },
  )
  // A plain look at everything leaves text out and says so; whoever named the keys or the aggregate asked for the impossible.
  if (answer.mismatch.length > 0 && (keys !== undefined || query.aggregate !== undefined)) {
    throw new DomainError(
      'AGGREGATE_MISMATCH',
      `${aggregate} cannot be made of text or booleans (${answer.mismatch.join(', ')}). Use count, first or last.`,
      { fields: [{ path: '/aggregate', code: 'AGGREGATE_MISMATCH', message: 'Use count, first or last' }] },
    )
  }
  const series: Record<string, { at: string; value: unknown }[]> = Object.create(null)
  for (const [key, buckets] of Object.entries(answer.series)) {
    series[key] = buckets.map((bucket) => ({ at: toIso(bucket.at), value: bucket.value }))
  }
  const skipped = answer.mismatch.length > 0 ? { skipped: answer.mismatch } : {}
  return { from: toIso(from), to: toIso(to), step: stepMs, aggregate, series, ...skipped }
}

export const telemetryRoutes: Routes = (app, { telemetry, devices, clock }) => {
  app.get(
    '/api/v1/devices/:id/latest',
    {
      config: { permission: 'telemetry.read' },
      schema: {
        operationId: 'latestTelemetry',
        summary: 'The greatest time of each key',
        tags: ['telemetry'],
        params,
        response: { 200: ref(Latest) },
      },
    },
    async (request) => {
      await devices.get(request.params.id)
      const latest = await telemetry.latest(request.params.id, { signal: untilGone(request) })
      const answer: Latest = Object.create(null)
      for (const [key, point] of Object.entries(latest)) answer[key] = { at: toIso(point.at), value: point.value }
      return answer
    },
  )
  app.get(
    '/api/v1/devices/:id/telemetry',
    {
      config: { permission: 'telemetry.read' },
      schema: {
        operationId: 'readTelemetry',
        summary: 'A period in buckets, or raw=true for the points themselves',
        tags: ['telemetry'],
        params,
        querystring: Query,
        response: { 200: Type.Union([TelemetrySeries, RawTelemetry]) },
      },
      // The store's answer is already what the schema says; serializing thousands of points through it would only cost.
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request) => {
      await devices.get(request.params.id)
      const read = request.query.raw ? readRaw : readBuckets
      return read(telemetry, request.params.id, request.query, clock.nowMicros(), untilGone(request))
    },
  )
}
