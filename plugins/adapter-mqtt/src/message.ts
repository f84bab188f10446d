import { toOwnBytes } from './own-bytes.ts'
import type { Properties } from './wire/properties.ts'

export type Qos = 0 | 1 | 2

/** A message on its way from its publisher to sessions; all of them share its bytes. */
export interface Message {
  readonly topic: string
  /** Changed by `keepBytes` alone, which leaves the bytes as they are. */
  payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties | undefined
  /** Milliseconds since 1970 after which nobody wants it any more. [MQTT 5, 3.3.2.3.3] */
  readonly expiresAtMs: number | undefined
  /** The publisher, by the name the broker has for it. */
  readonly from: string
}

export function toMessage(
  topic: string,
  payload: Buffer,
  qos: Qos,
  retain: boolean,
  properties: Properties | undefined,
  from: string,
): Message {
  const seconds = properties?.messageExpiryInterval
  const expiresAtMs = seconds === undefined ? undefined : Date.now() + seconds * 1000
  return { topic, payload, qos, retain, properties: toForward(properties), expiresAtMs, from }
}

/** [MQTT 5, 3.3.2.3] what a subscriber is given too; alias and delay are between the publisher and the server. */
function toForward(properties: Properties | undefined): Properties | undefined {
  if (properties === undefined) return undefined
  const { topicAlias: _alias, willDelayInterval: _delay, messageExpiryInterval: _expiry, ...forwarded } = properties
  return forwarded
}

/** For a message that waits or is stored: from here on it keeps its own bytes and nothing else. All who have it share them. */
export function keepBytes(message: Message): void {
  const { payload } = message
  if (payload.length < payload.buffer.byteLength) message.payload = toOwnBytes(payload)
}
