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

const numberIds = new Map<string, { id: number; kind: 'byte' | 'two' | 'four' }>()
for (const [id, { name, kind }] of numberProperties) numberIds.set(name, { id, kind })
const textIds = new Map<string, number>()
for (const [id, { name }] of textProperties) textIds.set(name, id)

/** Properties with their length in front, in their own order. What was forwarded by its publisher goes as it came. */
export function writeProperties(properties: Properties | undefined): Buffer {
  if (properties === undefined) return noProperties
  const parts: Buffer[] = []
  const { forwarded, correlationData, authenticationData, subscriptionIdentifiers, userProperties } = properties
  for (const [name, value] of Object.entries(properties)) {
    const number = typeof value === 'number' ? numberIds.get(name) : undefined
    const text = typeof value === 'string' ? textIds.get(name) : undefined
    if (number !== undefined && !(forwarded !== undefined && name === 'payloadFormatIndicator')) {
      parts.push(numberBytes(number.id, number.kind, value))
    } else if (text !== undefined && forwarded === undefined)
      parts.push(Buffer.from([text]), lengthBytes(Buffer.from(value)))
  }
  if (forwarded !== undefined) parts.unshift(forwarded)
  else if (correlationData !== undefined) parts.push(Buffer.from([correlationDataId]), lengthBytes(correlationData))
  if (authenticationData !== undefined) parts.push(Buffer.from([authenticationDataId]), lengthBytes(authenticationData))
  for (const value of subscriptionIdentifiers ?? []) {
    parts.push(Buffer.from([subscriptionIdentifierId]), variableBytes(value))
  }
  for (const [name, value] of forwarded === undefined ? (userProperties ?? []) : []) {
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
