import { Type, type Static } from 'typebox'
import { DeviceId, Name, Tags, Time } from './id.ts'

/** What a point may hold: a number, text, a boolean, or an object or array. */
export type RecordValue = number | boolean | string | object

/** All values of one device and time, as sinks get them. */
export interface SinkRecord {
  /** The same at each try and after each restart, another for each record: an idempotency key for targets that take one. */
  readonly id: string
  readonly device: string
  /** The device's type, for names by template. */
  readonly type: string
  /** The device's tags, for the same. Left out: it has none, or is not there any more. */
  readonly tags?: readonly string[]
  /** Integer microseconds since 1970. */
  readonly at: number
  /** Keys come from devices: they may be any text, `__proto__` too. Go through them by `Object.entries`. */
  readonly values: Readonly<Record<string, RecordValue>>
}

const reply = Type.String({ description: 'The remote’s own words' })
const index = Type.Integer({ minimum: 0, description: 'Place in the batch' })
const afterMs = Type.Optional(Type.Integer({ minimum: 0, description: 'The remote asked to wait, as by Retry-After' }))

/**
 * What became of a batch. `delivered`: all of it is safe at the target. `retry`: nothing is known to be, the whole is sent again later.
 * `refused`: nothing was taken and trying again cannot help; which record is the cause is found by sending parts. `partial`: those named
 * under `refused` are parked, those under `retry` are sent again, all others are safe at the target.
 */
export const WriteAnswer = Type.Union([
  Type.Object({ outcome: Type.Literal('delivered') }),
  Type.Object({ outcome: Type.Literal('retry'), reply, afterMs }),
  Type.Object({ outcome: Type.Literal('refused'), reply }),
  Type.Object({
    outcome: Type.Literal('partial'),
    refused: Type.Array(Type.Object({ index, reply })),
    retry: Type.Array(Type.Object({ index, reply })),
    afterMs,
  }),
])
export type WriteAnswer = Static<typeof WriteAnswer>

const closed = { additionalProperties: false } as const

/** What a sink gets: within a list OR, between lists AND, an empty list does not limit. */
export const Selection = Type.Object(
  {
    devices: Type.Optional(Type.Array(DeviceId, { maxItems: 1000, uniqueItems: true })),
    types: Type.Optional(Type.Array(Name, { maxItems: 100, uniqueItems: true })),
    tags: Type.Optional(Tags),
    keys: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
        maxItems: 2000,
        uniqueItems: true,
        description: 'Only values of these keys; a record without any of them is left out',
      }),
    ),
    when: Type.Optional(
      Type.Union([Type.Null(), Type.String({ minLength: 1, maxLength: 65_536 })], {
        description: 'CEL over the values of the whole record, before `keys` narrows it',
      }),
    ),
  },
  closed,
)
export type Selection = Static<typeof Selection>

export const maxBatchRecords = 100_000

/** How a sink gets it. */
export const DeliverySettings = Type.Object(
  {
    batch: Type.Optional(
      Type.Integer({ minimum: 1, maximum: maxBatchRecords, description: 'Records of one batch; 1,000' }),
    ),
    wait: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,9}(ms|s|m)$', description: 'A batch that is not full goes after this; 1s' }),
    ),
    from: Type.Optional(
      Type.String({
        maxLength: 40,
        description:
          'Where a new instance begins: `now`, `beginning`, or a time (ISO 8601): values of that time or later',
      }),
    ),
  },
  closed,
)
export type DeliverySettings = Static<typeof DeliverySettings>

/** How far a sink is behind. */
export const DeliveryLag = Type.Object({
  records: Type.Integer({ description: 'Waiting; worked out from the points that wait' }),
  seconds: Type.Number({ description: 'Since the first of them was stored' }),
})

/** What a sink has done and how far it is behind. */
export const DeliveryStatus = Type.Object({
  state: Type.Union([
    Type.Literal('stopped'),
    Type.Literal('current'),
    Type.Literal('behind'),
    Type.Literal('retrying'),
    Type.Literal('blocked'),
  ]),
  lag: DeliveryLag,
  rate: Type.Number({ description: 'Records a second, over the last minute' }),
  sent: Type.Integer({ description: 'Records that the target took, ever' }),
  refused: Type.Integer({ description: 'Records that the target refused, ever: each became a dead letter' }),
  deadLetters: Type.Integer({ description: 'Dead letters that are there now' }),
  gone: Type.Integer({
    description:
      'Points that were stored after the sink began and were gone before it read them: by retention, with a deleted device, or replaced by a later value of the same time',
  }),
  tries: Type.Integer({ description: 'Tries of the batch under way that did not succeed' }),
  nextTryAt: Type.Optional(Time),
  lastError: Type.Optional(Type.Object({ at: Time, text: Type.String({ description: 'The remote’s own words' }) })),
})
export type DeliveryStatus = Static<typeof DeliveryStatus>

const LetterId = Type.String({ minLength: 1, maxLength: 200 })

/** Something that a target refused, kept until a person has decided. */
export const DeadLetter = Type.Object(
  {
    id: LetterId,
    cause: Type.String({
      description: 'The same for letters that were refused with the same words, numbers and quotes aside',
    }),
    reply: Type.String({ description: 'The remote’s own words, of the last try' }),
    firstAt: Time,
    lastAt: Time,
    tries: Type.Integer({ minimum: 1 }),
    edited: Type.Boolean(),
    item: Type.Record(Type.String(), Type.Unknown(), {
      description: 'device, type, at (µs since 1970), values',
    }),
  },
  { $id: 'DeadLetter' },
)

/** Dead letters with the same cause. */
export const DeadLetterCause = Type.Object({
  cause: Type.String(),
  reply: Type.String(),
  count: Type.Integer({ minimum: 1 }),
  firstAt: Time,
  lastAt: Time,
})

/** Other values for what is sent again; fields that are left out stay. */
export const DeadLetterPatch = Type.Object(
  { item: Type.Record(Type.String(), Type.Unknown(), { minProperties: 1 }) },
  closed,
)

/** Which dead letters: those named, those of a cause, or all; at most 1,000 at once. */
export const DeadLetterChoice = Type.Object(
  {
    ids: Type.Optional(Type.Array(LetterId, { minItems: 1, maxItems: 1000, uniqueItems: true })),
    cause: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    all: Type.Optional(Type.Literal(true)),
  },
  { ...closed, minProperties: 1, maxProperties: 1 },
)

export const Redriven = Type.Object({
  delivered: Type.Integer(),
  refused: Type.Integer({ description: 'Again: they stay, with the words of this try' }),
  left: Type.Integer({ description: 'Not tried, since the target was away' }),
  reply: Type.Optional(Type.String({ description: 'The remote’s own words, where it did not take all' })),
})

export const Replay = Type.Object(
  { from: Type.String({ maxLength: 40, description: '`now`, `beginning`, or a time (ISO 8601)' }) },
  closed,
)
