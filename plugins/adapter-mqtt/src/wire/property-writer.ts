import { lengthBytes, variableBytes } from './byte-writer.ts'
import {
  authenticationDataId,
  correlationDataId,
  numberProperties,
  subscriptionIdentifierId,
  textProperties,
  userPropertyId,
  type Properties,
} from './properties.ts'

const noProperties = Buffer.from([0])

/** Properties with their length in front. */
export function writeProperties(properties: Properties | undefined): Buffer {
  if (properties === undefined) return noProperties
  const parts: Buffer[] = []
  for (const [id, { name, kind }] of numberProperties) {
    const value = properties[name]
    if (value !== undefined) parts.push(numberBytes(id, kind, value))
  }
  for (const [id, { name }] of textProperties) {
    const value = properties[name]
    if (value !== undefined) parts.push(Buffer.from([id]), lengthBytes(Buffer.from(value)))
  }
  const { correlationData, authenticationData, subscriptionIdentifiers, userProperties } = properties
  if (correlationData !== undefined) parts.push(Buffer.from([correlationDataId]), lengthBytes(correlationData))
  if (authenticationData !== undefined) parts.push(Buffer.from([authenticationDataId]), lengthBytes(authenticationData))
  for (const value of subscriptionIdentifiers ?? []) {
    parts.push(Buffer.from([subscriptionIdentifierId]), variableBytes(value))
  }
  for (const [name, value] of userProperties ?? []) {
    parts.push(Buffer.from([userPropertyId]), lengthBytes(Buffer.from(name)), lengthBytes(Buffer.from(value)))
  }
  if (parts.length === 0) return noProperties
  const body = Buffer.concat(parts)
  return Buffer.concat([variableBytes(body.length), body])
}

function numberBytes(id: number, kind: 'byte' | 'two' | 'four', value: number): Buffer {
  if (kind === 'byte') return Buffer.from([id, value])
  const bytes = Buffer.alloc(kind === 'two' ? 3 : 5)
  bytes[0] = id
  if (kind === 'two') bytes.writeUInt16BE(value, 1)
  else bytes.writeUInt32BE(value, 1)
  return bytes
}
