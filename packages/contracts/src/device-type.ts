import { Type, type Static } from 'typebox'
import { Name, Time, Title, Version } from './id.ts'

/** Seconds without a sign of life after which a device counts as offline, when its type does not say. */
export const defaultHeartbeatSeconds = 300

/** What is expected under one telemetry key. Values out of range are stored and counted; a strict type refuses them. */
export const KeySpec = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 128 }),
    kind: Type.Optional(
      Type.Union([Type.Literal('number'), Type.Literal('boolean'), Type.Literal('text'), Type.Literal('json')]),
    ),
    unit: Type.Optional(Type.String({ maxLength: 32 })),
    minimum: Type.Optional(Type.Number()),
    maximum: Type.Optional(Type.Number()),
  },
  { additionalProperties: false },
)
export type KeySpec = Static<typeof KeySpec>

const Days = Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 }))
const RetentionDays = {
  rawDays: Days,
  tiers: Type.Optional(
    Type.Object(
      { minuteDays: Days, hourDays: Days, dayDays: Days },
      { additionalProperties: false, description: 'days that roll-ups are kept; without a number they stay' },
    ),
  ),
}

/** How long points and roll-ups stay. Of a key that is named, its own numbers count in place of the type's. */
const RetentionSpec = Type.Object(
  {
    ...RetentionDays,
    keys: Type.Optional(
      Type.Array(
        Type.Object(
          { key: Type.String({ minLength: 1, maxLength: 128 }), ...RetentionDays },
          { additionalProperties: false },
        ),
        { maxItems: 2000, description: 'keys with days of their own; what they leave out is as for all' },
      ),
    ),
  },
  { additionalProperties: false },
)
export type RetentionSpec = Static<typeof RetentionSpec>

const typeFields = {
  title: Type.Optional(Title),
  keys: Type.Optional(Type.Array(KeySpec, { maxItems: 2000, default: [] })),
  strict: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'Refuse undeclared keys and values out of range instead of counting them',
    }),
  ),
  codec: Type.Optional(
    Type.String({
      default: 'json',
      pattern: '^[a-z][a-z0-9-]*$',
      description: 'json, cbor, scalar or the name of a codec plugin',
    }),
  ),
  heartbeatSeconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 604_800, default: defaultHeartbeatSeconds })),
  retention: Type.Optional(RetentionSpec),
}

export const NewDeviceType = Type.Object({ id: Name, ...typeFields }, { additionalProperties: false })
export type NewDeviceType = Static<typeof NewDeviceType>

/** PUT replaces the whole type; what is left out gets its default. */
export const DeviceTypeBody = Type.Object(typeFields, { additionalProperties: false })
export type DeviceTypeBody = Static<typeof DeviceTypeBody>

export const DeviceType = Type.Object(
  {
    id: Name,
    title: Type.Optional(Title),
    keys: Type.Array(KeySpec),
    strict: Type.Boolean(),
    codec: Type.String(),
    heartbeatSeconds: Type.Integer(),
    retention: Type.Optional(RetentionSpec),
    createdAt: Time,
    version: Version,
  },
  { $id: 'DeviceType' },
)
export type DeviceType = Static<typeof DeviceType>
