import { Type, type Static } from 'typebox'
import { Name, Time, Version } from './id.ts'

export const AccessAction = Type.Union([Type.Literal('publish'), Type.Literal('subscribe')])
export type AccessAction = Static<typeof AccessAction>

/** Within a list OR, between lists AND; an empty list does not limit. */
export const Scope = Type.Object(
  {
    devices: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 1000, default: [] })),
    types: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1000, default: [] })),
    tags: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1000, default: [] })),
  },
  { additionalProperties: false },
)
export type Scope = Static<typeof Scope>

const ruleFields = {
  effect: Type.Union([Type.Literal('allow'), Type.Literal('deny')]),
  actions: Type.Array(AccessAction, { minItems: 1, maxItems: 2, uniqueItems: true }),
  filter: Type.String({
    minLength: 1,
    maxLength: 512,
    description: 'An MQTT topic filter; {id} stands for the device id',
  }),
  scope: Type.Optional(Scope),
  order: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, default: 100 })),
}

export const AccessRuleBody = Type.Object(ruleFields, { additionalProperties: false })
export const NewAccessRule = Type.Object({ id: Type.Optional(Name), ...ruleFields }, { additionalProperties: false })
export type NewAccessRule = Static<typeof NewAccessRule>

/** An extra right or ban, on top of the built-in rights. Any deny wins, then any allow, then the built-in right, else deny. */
export const AccessRule = Type.Object(
  { id: Name, ...ruleFields, scope: Scope, order: Type.Integer(), createdAt: Time, version: Version },
  { $id: 'AccessRule' },
)
export type AccessRule = Static<typeof AccessRule>

/**
 * Why an access question was answered so. `step` is where it was settled: `built-in`, `rule`, `provider`, `down-topic` (a topic that
 * only the platform publishes) or `default` (nothing allowed it); `rule` and `provider` name which.
 */
export const Decision = Type.Object(
  {
    allowed: Type.Boolean(),
    step: Type.String(),
    rule: Type.Optional(Type.String()),
    provider: Type.Optional(Type.String()),
    detail: Type.String({ description: 'One sentence for a person' }),
  },
  { $id: 'Decision' },
)
export type Decision = Static<typeof Decision>

export const AccessTest = Type.Object(
  { action: AccessAction, topic: Type.String({ minLength: 1, maxLength: 512 }) },
  { additionalProperties: false },
)

/** One refused connect, publish or subscribe. Repeats within a second of the same refusal are counted, not repeated. */
export const Refusal = Type.Object(
  {
    id: Type.String(),
    at: Time,
    device: Type.Optional(Type.String({ description: 'The device id as claimed; it may not exist' })),
    protocol: Type.String(),
    address: Type.String(),
    clientId: Type.Optional(Type.String()),
    action: Type.Union([
      Type.Literal('connect'),
      Type.Literal('publish'),
      Type.Literal('subscribe'),
      Type.Literal('receive'),
    ]),
    topic: Type.Optional(Type.String()),
    step: Type.String({ description: 'Which check refused: credentials, built-in, rule, provider, decode, limit ...' }),
    rule: Type.Optional(Type.String()),
    code: Type.String(),
    detail: Type.String(),
    count: Type.Integer({ minimum: 1 }),
  },
  { $id: 'Refusal' },
)
export type Refusal = Static<typeof Refusal>
