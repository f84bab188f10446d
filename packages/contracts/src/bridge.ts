import { Type, type Static } from 'typebox'
import type { Qos } from './message.ts'

/** What an MQTT 5 message says of itself, and what other protocols have of the same. JSON, so that it can be kept and carried anywhere. */
export const MessageProperties = Type.Object({
  contentType: Type.Optional(Type.String({ maxLength: 65_535 })),
  responseTopic: Type.Optional(Type.String({ maxLength: 65_535 })),
  /** base64 */
  correlationData: Type.Optional(Type.String({ maxLength: 100_000 })),
  /** 1: the payload is UTF-8 text. */
  payloadFormatIndicator: Type.Optional(Type.Integer({ minimum: 0, maximum: 1 })),
  /** Seconds, from the message's `at` on. */
  messageExpiryInterval: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
  userProperties: Type.Optional(
    Type.Array(Type.Tuple([Type.String({ maxLength: 65_535 }), Type.String({ maxLength: 65_535 })]), {
      maxItems: 1000,
    }),
  ),
})
export type MessageProperties = Static<typeof MessageProperties>

/** A message of this platform on its way to the other side of a bridge. */
export interface BridgeMessage {
  /** The same at each try and after each restart, another for each message. */
  readonly id: string
  readonly topic: string
  readonly bytes: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  /** When it was accepted here: integer microseconds since 1970. */
  readonly at: number
  /** Shows that it has been on this topic of this platform. It goes with the message, and comes back to `publish` under `passed`. */
  readonly mark: string
  readonly properties?: MessageProperties
}

/** A message has passed so many platforms at most. */
export const maxHops = 8

/** What a bridge has taken in, and what its queue holds. */
export const BridgeStatus = Type.Object({
  received: Type.Integer({ description: 'Messages of the other side that were published here, since the start' }),
  refused: Type.Integer({ description: 'Those of them that the platform refused; see `/api/v1/refusals`' }),
  looped: Type.Integer({ description: 'Those that had been here before, and were dropped' }),
  shed: Type.Integer({ description: 'Messages of QoS 0 that the full queue did not take, since the start' }),
  turnedAway: Type.Integer({
    description: 'Messages of QoS 1 and 2 that the full queue did not take: their publishers were not acknowledged',
  }),
  queueBytes: Type.Integer({ description: 'What waits, on the disk' }),
  queueLimitBytes: Type.Integer(),
})
export type BridgeStatus = Static<typeof BridgeStatus>
