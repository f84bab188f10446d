import type { BridgeMessage } from '@patchbay/sdk'
import { PayloadUnfit } from './json-payload.ts'
import { secondsLeft, toPacketProperties } from './message-packet.ts'
import type { Outcome, Outgoing } from './outbox.ts'
import type { Plan } from './plan.ts'
import type { Preset } from './preset.ts'
import { findRoute } from './topic-map.ts'
import type { Wire } from './wire.ts'

const refused = (reply: string): Outcome => ({ kind: 'refused', reply })

/** What the broker ends the connection for is refused here, where a person sees it; it would come again and again. */
export function findUnfit({ topic, payload }: Pick<Outgoing, 'topic' | 'payload'>, preset: Preset): string | undefined {
  if (payload.length > preset.maxPayloadBytes)
    return `The payload has ${payload.length} bytes; this broker takes ${preset.maxPayloadBytes}.`
  if (Buffer.byteLength(topic) > preset.maxTopicBytes)
    return `The topic has ${Buffer.byteLength(topic)} bytes; this broker takes ${preset.maxTopicBytes}.`
  const slashes = topic.startsWith('$aws/') ? 0 : topic.split('/').length - 1
  if (slashes > preset.maxTopicSlashes)
    return `The topic has ${slashes} slashes; this broker takes ${preset.maxTopicSlashes}.`
  return undefined
}

/** A message as it goes over this connection, or what has become of it without. */
export function toOutgoing(
  { out, preset }: Plan,
  message: BridgeMessage,
  wire: Pick<Wire, 'connack' | 'version'> | undefined,
): Outgoing | Outcome {
  const route = findRoute(out, message.topic)
  // The maps have changed since it was taken; it is shown to a person.
  if (!route) return refused(`No map leads ${message.topic} anywhere any more.`)
  const { map, to: topic } = route
  const nowMicros = Date.now() * 1000
  const left = secondsLeft(message, nowMicros)
  if (left !== undefined && left <= 0) return { kind: 'taken' }
  const bytes = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.byteLength)
  let payload: Buffer
  try {
    payload = map.convert ? map.convert(bytes) : bytes
  } catch (error) {
    if (error instanceof PayloadUnfit) return refused(error.message)
    throw error
  }
  const unfit = findUnfit({ topic, payload }, preset)
  if (unfit !== undefined) return refused(unfit)
  const limit = Math.min(preset.maxQos, wire?.connack.properties?.maximumQoS ?? 2)
  const wanted = map.qos ?? message.qos
  return {
    topic,
    payload,
    qos: wanted <= limit ? wanted : limit === 1 ? 1 : 0,
    retain: map.retain && message.retain,
    ...(wire?.version === 5 ? { properties: toPacketProperties(message, nowMicros) } : {}),
  }
}
