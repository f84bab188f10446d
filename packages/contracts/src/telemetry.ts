import { Type, type Static } from 'typebox'
import { Time } from './id.ts'

/** Any value of a point: a number, text, a boolean, or an object or array kept as JSON. */
export const PointValue = Type.Unknown({ description: 'A number, text, a boolean, or JSON' })

export const LatestPoint = Type.Object({ at: Time, value: PointValue })
export const Latest = Type.Record(Type.String(), LatestPoint, { $id: 'Latest' })
export type Latest = Static<typeof Latest>

export const Aggregate = Type.Union([
  Type.Literal('avg'),
  Type.Literal('min'),
  Type.Literal('max'),
  Type.Literal('minmax'),
  Type.Literal('sum'),
  Type.Literal('count'),
  Type.Literal('first'),
  Type.Literal('last'),
])
export type Aggregate = Static<typeof Aggregate>

/** A moment in a query: ISO 8601, or milliseconds since 1970 (fractions down to a microsecond). */
export const Moment = Type.String({ maxLength: 40, description: 'ISO 8601, or milliseconds since 1970' })

export const TelemetryQuery = Type.Object(
  {
    keys: Type.Optional(Type.String({ maxLength: 8192, description: 'Comma list; all keys when left out' })),
    from: Type.Optional(Moment),
    to: Type.Optional(Moment),
    points: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 300 })),
    aggregate: Type.Optional(Aggregate),
    raw: Type.Optional(Type.Boolean({ default: false })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1000 })),
    cursor: Type.Optional(Type.String({ maxLength: 1024 })),
  },
  { additionalProperties: false },
)
export type TelemetryQuery = Static<typeof TelemetryQuery>

/** Bucketed series. `at` is the start of a bucket, `step` is its length in milliseconds; empty buckets are left out. */
export const TelemetrySeries = Type.Object({
  from: Time,
  to: Time,
  step: Type.Number(),
  aggregate: Aggregate,
  series: Type.Record(
    Type.String(),
    Type.Array(Type.Object({ at: Time, value: PointValue }, { additionalProperties: true })),
  ),
})
export type TelemetrySeries = Static<typeof TelemetrySeries>

export const RawPoint = Type.Object({ key: Type.String(), at: Time, value: PointValue })
export const RawTelemetry = Type.Object({ items: Type.Array(RawPoint), nextCursor: Type.Optional(Type.String()) })
export type RawTelemetry = Static<typeof RawTelemetry>
