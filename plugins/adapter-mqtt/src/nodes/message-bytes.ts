import type { Message, Qos } from '../message.ts'
import type { Properties } from '../wire/properties.ts'

/** A message with what one receiver makes of it, as bytes that every version of a node reads. */
export interface PackedMessage {
  message: Message
  qos: Qos
  retain: boolean
  identifiers: readonly number[] | undefined
}

const toQos = (value: unknown): Qos => (value === 1 || value === 2 ? value : 0)
const bytesMark = '$bytes'

const writeBytes = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
    ? { [bytesMark]: Buffer.from(Array.isArray(value.data) ? value.data : []).toString('base64') }
    : value
const readBytes = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && bytesMark in value
    ? Buffer.from(String(value[bytesMark]), 'base64')
    : value

export const propertiesToText = (properties: Properties | undefined): string =>
  properties === undefined ? '' : JSON.stringify(properties, writeBytes)

export function propertiesFromText(text: string): Properties | undefined {
  if (text === '') return undefined
  const properties: unknown = JSON.parse(text, readBytes)
  return isProperties(properties) ? properties : undefined
}

/** What a node has written itself: lists are lists. */
const isProperties = (value: unknown): value is Properties =>
  typeof value === 'object' && value !== null && (!('userProperties' in value) || Array.isArray(value.userProperties))

export function packMessage({ message, qos, retain, identifiers }: PackedMessage): Buffer {
  const { topic, payload, expiresAtMs, from } = message
  const head = Buffer.from(
    JSON.stringify({
      t: topic,
      q: qos,
      o: message.qos,
      r: retain ? 1 : 0,
      k: message.retain ? 1 : 0,
      e: expiresAtMs,
      f: from,
      i: identifiers,
      p: propertiesToText(message.properties),
    }),
  )
  const size = Buffer.alloc(4)
  size.writeUInt32BE(head.length)
  return Buffer.concat([size, head, payload])
}

export function unpackMessage(bytes: Buffer): PackedMessage {
  const end = 4 + bytes.readUInt32BE(0)
  const read: unknown = JSON.parse(bytes.toString('utf8', 4, end))
  const head: Readonly<Record<string, unknown>> = typeof read === 'object' && read !== null ? { ...read } : {}
  const text = (name: string): string => (typeof head[name] === 'string' ? head[name] : '')
  const expires = head['e']
  const identifiers = head['i']
  return {
    message: {
      topic: text('t'),
      payload: bytes.subarray(end),
      qos: toQos(head['o']),
      retain: head['k'] === 1,
      properties: propertiesFromText(text('p')),
      expiresAtMs: typeof expires === 'number' ? expires : undefined,
      from: text('f'),
    },
    qos: toQos(head['q']),
    retain: head['r'] === 1,
    identifiers: Array.isArray(identifiers) ? identifiers.map(Number) : undefined,
  }
}
