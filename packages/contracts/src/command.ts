import { Type, type Static } from 'typebox'
import { DeviceId, Time } from './id.ts'

export const CommandState = Type.Union([
  Type.Literal('queued'),
  Type.Literal('sent'),
  Type.Literal('delivered'),
  Type.Literal('succeeded'),
  Type.Literal('failed'),
  Type.Literal('expired'),
  Type.Literal('cancelled'),
])
export type CommandState = Static<typeof CommandState>

export const NewCommand = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 128 }),
    params: Type.Optional(Type.Unknown()),
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_592_000, default: 60 })),
  },
  { additionalProperties: false },
)
export type NewCommand = Static<typeof NewCommand>

/** A command and where it is. States only move forward: queued, sent (written), delivered, then one of the four last ones. */
export const Command = Type.Object(
  {
    id: Type.String(),
    device: DeviceId,
    name: Type.String(),
    params: Type.Optional(Type.Unknown()),
    state: CommandState,
    createdAt: Time,
    expiresAt: Time,
    sentAt: Type.Optional(Time),
    deliveredAt: Type.Optional(Time),
    endedAt: Type.Optional(Time),
    result: Type.Optional(Type.Unknown()),
    error: Type.Optional(Type.String()),
  },
  { $id: 'Command' },
)
export type Command = Static<typeof Command>
