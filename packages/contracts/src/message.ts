import { Type, type Static } from 'typebox'
import { Time } from './id.ts'

/** How often a message arrives: at most once, at least once, exactly once. */
export const Qos = Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)])
export type Qos = Static<typeof Qos>

/** Publishes as the caller. A text payload is sent as it is, anything else as JSON; `base64` for bytes. */
export const NewMessage = Type.Object(
  {
    topic: Type.String({ minLength: 1, maxLength: 512 }),
    payload: Type.Optional(Type.Unknown()),
    base64: Type.Optional(Type.String({ maxLength: 400_000 })),
    qos: Type.Optional(Qos),
    retain: Type.Optional(Type.Boolean({ default: false })),
  },
  { additionalProperties: false },
)
export type NewMessage = Static<typeof NewMessage>

/** A retained value: `payload` when it is UTF-8 text, else `base64`. */
export const RetainedMessage = Type.Object(
  {
    topic: Type.String(),
    payload: Type.Optional(Type.String()),
    base64: Type.Optional(Type.String()),
    qos: Qos,
    at: Type.Optional(Time),
  },
  { $id: 'RetainedMessage' },
)
export type RetainedMessage = Static<typeof RetainedMessage>
