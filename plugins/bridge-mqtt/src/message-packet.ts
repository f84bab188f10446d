import type { BridgeMessage, MessageProperties } from '@patchbay/sdk'
import type { IPublishPacket, UserProperties } from 'mqtt-packet'

/** The user property that carries the marks of the platforms that a message has passed, one each. */
export const passedProperty = 'patchbay-passed'

type PacketProperties = NonNullable<IPublishPacket['properties']>

function toUserProperties(pairs: readonly (readonly [string, string])[]): UserProperties {
  const properties = new Map<string, string[]>()
  for (const [name, value] of pairs) properties.set(name, [...(properties.get(name) ?? []), value])
  return Object.fromEntries(properties)
}

/** Seconds that a message has left; undefined: it does not expire. */
export function secondsLeft({ at, properties }: BridgeMessage, nowMicros: number): number | undefined {
  const seconds = properties?.messageExpiryInterval
  // [MQTT-3.3.2-6] the time that it has waited counts.
  return seconds === undefined ? undefined : Math.ceil(seconds - Math.max(0, nowMicros - at) / 1e6)
}

/** What a message says of itself, for MQTT 5, with the mark of this platform. */
export function toPacketProperties(message: BridgeMessage, nowMicros: number): PacketProperties {
  const {
    userProperties = [],
    correlationData,
    payloadFormatIndicator,
    messageExpiryInterval: _,
    ...texts
  } = message.properties ?? {}
  const left = secondsLeft(message, nowMicros)
  return {
    ...texts,
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData, 'base64') }),
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator: payloadFormatIndicator === 1 }),
    ...(left === undefined ? {} : { messageExpiryInterval: left }),
    userProperties: toUserProperties([...userProperties, [passedProperty, message.mark]]),
  }
}

/** The same the other way, and the marks that came with it. */
export function ofPacketProperties({ properties }: IPublishPacket): {
  properties: MessageProperties | undefined
  passed: string[]
} {
  if (!properties) return { properties: undefined, passed: [] }
  const { contentType, responseTopic, correlationData, payloadFormatIndicator, messageExpiryInterval } = properties
  const userProperties = Object.entries(properties.userProperties ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => [name, each]),
  )
  return {
    properties: {
      ...(contentType === undefined ? {} : { contentType }),
      ...(responseTopic === undefined ? {} : { responseTopic }),
      ...(correlationData === undefined ? {} : { correlationData: correlationData.toString('base64') }),
      ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator: payloadFormatIndicator ? 1 : 0 }),
      ...(messageExpiryInterval === undefined ? {} : { messageExpiryInterval }),
      ...(userProperties.length > 0 ? { userProperties } : {}),
    },
    passed: userProperties.filter(([name]) => name === passedProperty).map(([, mark]) => mark),
  }
}
