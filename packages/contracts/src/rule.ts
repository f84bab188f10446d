import { Type, type Static, type TSchema } from 'typebox'
import { DeviceId, Name, Tags, Time, Title, Version } from './id.ts'
import { Severity } from './severity.ts'
import { Moment } from './telemetry.ts'

const closed = { additionalProperties: false } as const

/** Nested groups of a condition. */
export const maxGroupDepth = 5
export const maxGroupItems = 50
export const maxLevels = 10
/** Characters of one expression. */
export const maxExpressionChars = 65_536

export const Duration = Type.String({
  pattern: '^[0-9]{1,9}(ms|s|m|h|d)$',
  description: 'A number and ms, s, m, h or d, such as "30s" or "10m"; at most 366d',
})

export const operators = ['>', '>=', '<', '<=', '==', '!=', 'contains', 'startsWith', 'endsWith', 'matches'] as const
export type Operator = (typeof operators)[number]

const Compared = Type.Union([Type.Number(), Type.Boolean(), Type.String({ maxLength: 1000 })])
const comparison = { op: Type.Union(operators.map((each) => Type.Literal(each))), value: Compared }
const KeyTest = Type.Object({ key: Type.String({ minLength: 1, maxLength: 128 }), ...comparison }, closed)
const ShadowTest = Type.Object(
  {
    shadow: Type.String({
      pattern: '^(reported|desired)(\\.[^.]+){1,16}$',
      maxLength: 512,
      description: 'Path into the shadow, such as "reported.mode"',
    }),
    ...comparison,
  },
  closed,
)
export type KeyTest = Static<typeof KeyTest>
export type ShadowTest = Static<typeof ShadowTest>

/** Groups hold groups: written out to a fixed depth, so that a description needs no circles. */
function toGroup(items: TSchema): TSchema {
  const list = Type.Optional(Type.Array(items, { minItems: 1, maxItems: maxGroupItems }))
  return Type.Object({ all: list, any: list }, { ...closed, minProperties: 1, maxProperties: 1 })
}

let nested: TSchema = Type.Union([KeyTest, ShadowTest])
for (let depth = 1; depth < maxGroupDepth; depth++) nested = Type.Union([KeyTest, ShadowTest, toGroup(nested)])

/** The builder's tree. */
export const ConditionTree = Type.Union([KeyTest, ShadowTest, toGroup(nested)])
export type ConditionTree = KeyTest | ShadowTest | { all: ConditionTree[] } | { any: ConditionTree[] }

/** Checked closely when a rule is saved, so that what is wrong is named by its path. */
export const Condition = Type.Union(
  [Type.String({ minLength: 1, maxLength: maxExpressionChars }), Type.Object({}, { additionalProperties: true })],
  {
    description:
      'A CEL expression; or a tree: {"key", "op", "value"}, {"shadow", "op", "value"}, {"all": [...]} or {"any": [...]}',
  },
)

export const RuleLevel = Type.Object(
  {
    severity: Severity,
    when: Condition,
    for: Type.Optional(Duration),
    repeat: Type.Optional(Type.Object({ times: Type.Integer({ minimum: 2, maximum: 100 }), within: Duration }, closed)),
  },
  closed,
)

export const RuleChange = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 128 }),
    by: Type.Number({ exclusiveMinimum: 0, description: 'Rises or falls by this much ...' }),
    per: Duration,
    severity: Severity,
  },
  closed,
)

const Silence = Type.Union([Type.Null(), Duration, Type.Object({ after: Duration, severity: Severity }, closed)], {
  description: 'A duration (severity major), or {after, severity}',
})

const TimeOfDay = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$' })
export const RuleSchedule = Type.Object(
  {
    timeZone: Type.String({ minLength: 1, maxLength: 64, description: 'IANA name, such as Europe/Berlin' }),
    days: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
        uniqueItems: true,
        minItems: 1,
        maxItems: 7,
        description: '1 = Monday; the day on which `from` lies. All days when left out',
      }),
    ),
    from: TimeOfDay,
    to: Type.Union([TimeOfDay], { description: 'Not after `from`: the next day' }),
  },
  closed,
)

const Channels = Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 50, uniqueItems: true })

export const RuleScope = Type.Object(
  {
    devices: Type.Optional(Type.Array(DeviceId, { maxItems: 1000, uniqueItems: true })),
    types: Type.Optional(Type.Array(Name, { maxItems: 100, uniqueItems: true })),
    tags: Type.Optional(Tags),
  },
  { ...closed, description: 'Within a list OR, between lists AND; an empty list does not limit' },
)

const ruleFields = {
  name: Title,
  enabled: Type.Optional(Type.Boolean()),
  scope: Type.Optional(RuleScope),
  levels: Type.Optional(Type.Array(RuleLevel, { maxItems: maxLevels })),
  change: Type.Optional(Type.Union([Type.Null(), RuleChange])),
  offline: Type.Optional(Silence),
  noData: Type.Optional(Silence),
  clear: Type.Optional(Type.Union([Type.Null(), Condition])),
  schedule: Type.Optional(Type.Union([Type.Null(), RuleSchedule])),
  channels: Type.Optional(Channels),
  escalate: Type.Optional(Type.Array(Type.Object({ after: Duration, channels: Channels }, closed), { maxItems: 20 })),
}

/** A rule as it is put; what is left out is empty. */
export const RuleBody = Type.Object(ruleFields, closed)
export type RuleBody = Static<typeof RuleBody>

export const NewRule = Type.Object({ id: Type.Optional(Name), ...ruleFields }, closed)
export type NewRule = Static<typeof NewRule>

export const RulePatch = Type.Partial(RuleBody, closed)
export type RulePatch = Static<typeof RulePatch>

/** `limited`: it goes too fast for some devices, whose alerts stay as they are for a while. `stopped`: it is not evaluated until it is saved again, and what it held open was cleared. */
export const RuleStatus = Type.Object({
  state: Type.Union([Type.Literal('ok'), Type.Literal('limited'), Type.Literal('stopped')]),
  code: Type.Optional(Type.String()),
  text: Type.Optional(Type.String()),
  since: Type.Optional(Time),
})
export type RuleStatus = Static<typeof RuleStatus>

/** What is kept of a rule: all fields are there. */
export const RuleRecord = Type.Object({
  id: Name,
  name: Title,
  enabled: Type.Boolean(),
  scope: Type.Object({ devices: Type.Array(DeviceId), types: Type.Array(Name), tags: Tags }),
  levels: Type.Array(RuleLevel),
  change: Type.Union([Type.Null(), RuleChange]),
  offline: Silence,
  noData: Silence,
  clear: Type.Union([Type.Null(), Condition]),
  schedule: Type.Union([Type.Null(), RuleSchedule]),
  channels: Channels,
  escalate: Type.Array(Type.Object({ after: Duration, channels: Channels })),
  owner: Type.String({ description: 'Who saved it last' }),
  createdAt: Time,
  changedAt: Time,
})
export type RuleRecord = Static<typeof RuleRecord>

export const Rule = Type.Object({ ...RuleRecord.properties, status: RuleStatus, version: Version }, { $id: 'Rule' })
export type Rule = Static<typeof Rule>

/** A stretch for which an alert would have been open. */
export const PreviewAlert = Type.Object({
  device: DeviceId,
  severity: Severity,
  openedAt: Time,
  closedAt: Type.Optional(Time),
  steps: Type.Array(
    Type.Object({
      at: Time,
      severity: Type.Optional(Severity),
      kind: Type.String(),
      value: Type.Unknown(),
      cause: Type.String(),
    }),
    { description: 'Every raise, severity change, repetition and clearing, at most 100' },
  ),
})
export type PreviewAlert = Static<typeof PreviewAlert>

export const PreviewRequest = Type.Object(
  {
    rule: RuleBody,
    id: Type.Optional(Name),
    devices: Type.Optional(
      Type.Array(DeviceId, {
        minItems: 1,
        maxItems: 10_000,
        uniqueItems: true,
        description: 'Of these only those in scope; all in scope when left out',
      }),
    ),
    from: Moment,
    to: Moment,
  },
  closed,
)
export type PreviewRequest = Static<typeof PreviewRequest>

const PreviewSide = Type.Object({
  alerts: Type.Array(PreviewAlert),
  total: Type.Integer({ description: 'All of them; the list holds at most 1,000' }),
})

/** What the rule given would have done, and beside it what the rule in force with this `id` would have. */
export const Preview = Type.Object({
  from: Time,
  to: Time,
  devices: Type.Integer({ description: 'Devices that were looked at' }),
  readings: Type.Integer(),
  points: Type.Integer(),
  complete: Type.Boolean({
    description: 'False: the budget of points or time ended before all devices were looked at',
  }),
  notes: Type.Array(Type.String(), { description: 'What history cannot show' }),
  given: PreviewSide,
  inForce: Type.Optional(PreviewSide),
})
export type Preview = Static<typeof Preview>
