import { toOwnBytes } from '../own-bytes.ts'
import type { ByteReader } from './byte-reader.ts'
import { packetTypes as types } from './framing.ts'
import { malformed, protocolError, topicAliasInvalid } from './violation.ts'

/** Properties of MQTT 5 packets [MQTT 5, 2.2.2.2], by their names. */
export interface Properties extends Partial<Record<NumberName, number>>, Partial<Record<TextName, string>> {
  /** What goes on to subscribers, byte by byte as the publisher has sent it. [MQTT-3.3.2-18] */
  forwarded?: Buffer
  correlationData?: Buffer
  authenticationData?: Buffer
  /** [MQTT 5, 3.3.2.3.8] as many as subscriptions matched. */
  subscriptionIdentifiers?: readonly number[]
  userProperties?: readonly (readonly [string, string])[]
}

export type NumberName =
  | 'payloadFormatIndicator'
  | 'messageExpiryInterval'
  | 'sessionExpiryInterval'
  | 'serverKeepAlive'
  | 'requestProblemInformation'
  | 'willDelayInterval'
  | 'requestResponseInformation'
  | 'receiveMaximum'
  | 'topicAliasMaximum'
  | 'topicAlias'
  | 'maximumPacketSize'
export type TextName =
  | 'contentType'
  | 'responseTopic'
  | 'assignedClientIdentifier'
  | 'authenticationMethod'
  | 'reasonString'

/** Where properties may stand: packet types, and the will inside a CONNECT. */
export const willProperties = 16

const { connect, publish, subscribe, unsubscribe, disconnect } = types
const everywhere = [types.puback, types.pubrec, types.pubrel, types.pubcomp, disconnect]
type NumberKind = 'byte' | 'two' | 'four'

/** Identifier, where a client may use it, and for bytes that are yes or no: nothing but 0 and 1. */
export const numberProperties: ReadonlyMap<number, { name: NumberName; kind: NumberKind; in: readonly number[] }> =
  new Map([
    [0x01, { name: 'payloadFormatIndicator', kind: 'byte', in: [publish, willProperties] }],
    [0x02, { name: 'messageExpiryInterval', kind: 'four', in: [publish, willProperties] }],
    [0x11, { name: 'sessionExpiryInterval', kind: 'four', in: [connect, disconnect] }],
    [0x13, { name: 'serverKeepAlive', kind: 'two', in: [] }],
    [0x17, { name: 'requestProblemInformation', kind: 'byte', in: [connect] }],
    [0x18, { name: 'willDelayInterval', kind: 'four', in: [willProperties] }],
    [0x19, { name: 'requestResponseInformation', kind: 'byte', in: [connect] }],
    [0x21, { name: 'receiveMaximum', kind: 'two', in: [connect] }],
    [0x22, { name: 'topicAliasMaximum', kind: 'two', in: [connect] }],
    [0x23, { name: 'topicAlias', kind: 'two', in: [publish] }],
    [0x27, { name: 'maximumPacketSize', kind: 'four', in: [connect] }],
  ])
export const textProperties: ReadonlyMap<number, { name: TextName; in: readonly number[] }> = new Map([
  [0x03, { name: 'contentType', in: [publish, willProperties] }],
  [0x08, { name: 'responseTopic', in: [publish, willProperties] }],
  [0x12, { name: 'assignedClientIdentifier', in: [] }],
  [0x15, { name: 'authenticationMethod', in: [connect] }],
  [0x1f, { name: 'reasonString', in: everywhere }],
])
export const correlationDataId = 0x09
export const authenticationDataId = 0x16
export const subscriptionIdentifierId = 0x0b
export const userPropertyId = 0x26
/** Known ones that only a server sends, and how long they are: they must be parsed to be told apart from malformed ones. */
const serverOnly: ReadonlyMap<number, 'byte' | 'text'> = new Map([
  [0x1a, 'text'],
  [0x1c, 'text'],
  [0x24, 'byte'],
  [0x25, 'byte'],
  [0x28, 'byte'],
  [0x29, 'byte'],
  [0x2a, 'byte'],
])

/** The properties of one packet; undefined when there are none. */
export function readProperties(reader: ByteReader, where: number): Properties | undefined {
  const length = reader.variable()
  if (length === 0) return undefined
  const part = reader.part(length)
  const properties: Properties = {}
  const seen = new Set<number>()
  const forwarded: Buffer[] = []
  const isMessage = where === publish || where === willProperties
  while (part.left > 0) {
    const bytes = isMessage ? part.rest() : undefined
    const id = part.variable()
    readProperty(part, id, where, properties)
    if (bytes !== undefined && isForwarded(id)) forwarded.push(bytes.subarray(0, bytes.length - part.left))
    // [MQTT 5, 2.2.2.2] only User Property may appear more than once
    if (id !== userPropertyId && seen.has(id)) throw protocolError(`Property ${id} appears twice`)
    seen.add(id)
  }
  if (forwarded.length > 0) properties.forwarded = Buffer.concat(forwarded)
  return properties
}

/** [MQTT 5, 3.3.2.3] whatever describes the message; alias, expiry and delay are between the publisher and the server. */
const isForwarded = (id: number): boolean =>
  id === 0x01 || id === 0x03 || id === 0x08 || id === correlationDataId || id === userPropertyId

function readProperty(part: ByteReader, id: number, where: number, into: Properties): void {
  const number = numberProperties.get(id)
  if (number !== undefined) {
    const value = number.kind === 'byte' ? part.byte() : number.kind === 'two' ? part.twoBytes() : part.fourBytes()
    allow(number.in, where, id)
    checkNumber(number.name, number.kind, value)
    into[number.name] = value
    return
  }
  const text = textProperties.get(id)
  if (text !== undefined) {
    const value = part.text()
    allow(text.in, where, id)
    into[text.name] = value
    return
  }
  if (id === correlationDataId) {
    const value = part.binary()
    allow([publish, willProperties], where, id)
    into.correlationData = toOwnBytes(value)
  } else if (id === authenticationDataId) {
    const value = part.binary()
    allow([connect], where, id)
    into.authenticationData = Buffer.from(value)
  } else if (id === subscriptionIdentifierId) {
    const value = part.variable()
    // [MQTT-3.3.4-6] a client's PUBLISH has none
    allow([subscribe], where, id)
    if (value === 0) throw protocolError('Subscription Identifier 0') // [MQTT 5, 3.8.2.1.2]
    into.subscriptionIdentifiers = [value]
  } else if (id === userPropertyId) {
    into.userProperties = [...(into.userProperties ?? []), [part.text(), part.text()]]
  } else {
    const kind = serverOnly.get(id)
    if (kind === undefined) throw malformed(`There is no property ${id}`)
    if (kind === 'byte') part.byte()
    else part.text()
    allow([], where, id)
  }
}

/**
 * [MQTT 5, 2.2.2.2] calls a property of another packet malformed; Mosquitto and what clients are tested with call it a protocol
 * error, except in SUBSCRIBE and UNSUBSCRIBE. Either code ends the connection.
 */
function allow(places: readonly number[], where: number, id: number): void {
  if (places.includes(where)) return
  const why = `Property ${id} has no place in packet type ${where}`
  throw where === subscribe || where === unsubscribe ? malformed(why) : protocolError(why)
}

function checkNumber(name: NumberName, kind: NumberKind, value: number): void {
  // [MQTT 5, 3.1.2.11.6] [3.1.2.11.7] [3.3.2.3.2] bytes are 0 or 1
  if (kind === 'byte' && value > 1) throw protocolError(`${name} is neither 0 nor 1`)
  if (value !== 0) return
  // [MQTT 5, 3.1.2.11.3] [3.1.2.11.4] zero would say that nothing can be sent
  if (name === 'receiveMaximum' || name === 'maximumPacketSize') throw protocolError(`${name} is 0`)
  if (name === 'topicAlias') throw topicAliasInvalid('Topic Alias 0') // [MQTT-3.3.2-8]
}
