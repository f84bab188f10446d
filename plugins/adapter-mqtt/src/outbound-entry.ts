import type { Message, Qos } from './message.ts'
import type { Version } from './wire/connect.ts'
import type { Properties } from './wire/properties.ts'
import { writePublish } from './wire/publish.ts'

/** An alias for a topic, and whether the client knows it already. [MQTT 5, 3.3.2.3.4] */
export interface Alias {
  alias: number
  known: boolean
}

/** The connection of a session, as its queue sees it. */
export interface Link {
  readonly version: Version
  readonly receiveMaximum: number
  readonly maximumPacketSize: number
  readonly topicAliasMaximum: number
  readonly backlogBytes: number
  send(bytes: Buffer): void
  mayReceive(topic: string): boolean
  /** Undefined when there is none. */
  aliasOf(topic: string): Alias | undefined
  keepAlias(topic: string, alias: number): void
  tooSlow(topic: string): void
}

/** One message on its way to one session. */
export interface Entry {
  readonly message: Message
  readonly qos: Qos
  readonly retain: boolean
  readonly identifiers: readonly number[] | undefined
  /** Of its row; 0: it is in memory only. */
  readonly seq: number
  messageId: number
  released: boolean
  /** Until the release is durable. */
  releasing: Promise<void> | undefined
  sent: boolean
  /** The connection it was last sent on. */
  link: Link | undefined
  settle: ((failed: Error | undefined) => void) | undefined
}

const noTopic = Buffer.alloc(0)

export const newEntry = (
  message: Message,
  qos: Qos,
  retain: boolean,
  identifiers: readonly number[] | undefined,
  seq: number,
): Entry => ({
  message,
  qos,
  retain,
  identifiers,
  seq,
  messageId: 0,
  released: false,
  releasing: undefined,
  sent: false,
  link: undefined,
  settle: undefined,
})

function propertiesOf(
  message: Message,
  identifiers: readonly number[] | undefined,
  alias: number | undefined,
): Properties | undefined {
  const { properties, expiresAtMs } = message
  if (identifiers === undefined && alias === undefined && expiresAtMs === undefined) return properties
  return {
    ...properties,
    ...(identifiers === undefined ? {} : { subscriptionIdentifiers: identifiers }),
    ...(alias === undefined ? {} : { topicAlias: alias }),
    // [MQTT-3.3.2-6] less the time it has waited here
    ...(expiresAtMs === undefined
      ? {}
      : { messageExpiryInterval: Math.max(0, Math.ceil((expiresAtMs - Date.now()) / 1000)) }),
  }
}

/** The message that is being given to its subscribers, one after the other in one turn, and its packets: kept for no longer than that. */
const shared: { message: Message | undefined; packets: { 4: Buffer | undefined; 5: Buffer | undefined } } = {
  message: undefined,
  packets: { 4: undefined, 5: undefined },
}

/** A plain QoS 0 message is the same bytes for each subscriber of a version: made for the first, sent to all. */
export function sharedBytes(message: Message, version: Version): Buffer {
  if (shared.message !== message) {
    shared.message = message
    shared.packets = { 4: undefined, 5: undefined }
  }
  const kind = version === 5 ? 5 : 4
  return (shared.packets[kind] ??= toPublish(newEntry(message, 0, false, undefined, 0), version, undefined))
}

export function toPublish(entry: Entry, version: Version, alias: Alias | undefined): Buffer {
  const { message, qos, retain, identifiers, messageId } = entry
  const topic = alias?.known === true ? noTopic : Buffer.from(message.topic)
  const properties = version === 5 ? propertiesOf(message, identifiers, alias?.alias) : undefined
  return writePublish({ topic, payload: message.payload, qos, retain, dup: entry.sent, messageId, properties }, version)
}
