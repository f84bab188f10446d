import { refuse } from '../errors.ts'
import { toFields } from './performative.ts'
import { Described, Reader } from './reader.ts'
import { Violation } from './violation.ts'
import { binary, composite, described, nothing, symbol, text } from './writer.ts'

/** Sections of a message. [AMQP 3.2] */
const sections = { properties: 0x73, data: 0x75, value: 0x77 } as const
const sectionNames = new Map<string, number>([
  ['amqp:properties:list', sections.properties],
  ['amqp:data:binary', sections.data],
  ['amqp:amqp-value:*', sections.value],
])

export interface Message {
  bytes: Uint8Array
  to: string | undefined
  contentType: string | undefined
}

/** Reads a message: its body as bytes, and what its properties say of them. Throws Refused, or a Violation for a broken encoding. */
export function readMessage(encoded: Buffer): Message {
  const reader = new Reader(encoded)
  const data: Uint8Array[] = []
  let value: Uint8Array | undefined
  let to: string | undefined
  let contentType: string | undefined
  while (!reader.done) {
    const section = reader.value()
    if (!(section instanceof Described)) throw new Violation('amqp:decode-error', 'A message holds no sections.')
    const { descriptor } = section
    const code = typeof descriptor === 'number' ? descriptor : sectionNames.get(descriptor)
    if (code === sections.properties) {
      const fields = toFields(section)
      to = fields?.text(2)
      contentType = fields?.text(6)
    } else if (code === sections.data) {
      if (!(section.value instanceof Uint8Array)) throw refuse('AMQP_BODY')
      data.push(section.value)
    } else if (code === sections.value) {
      if (typeof section.value === 'string') value = Buffer.from(section.value)
      else if (section.value instanceof Uint8Array) ({ value } = section)
      else throw refuse('AMQP_BODY')
    }
  }
  const [first] = data
  if (first) return { bytes: data.length === 1 ? first : Buffer.concat(data), to, contentType }
  if (!value) throw refuse('AMQP_BODY')
  return { bytes: value, to, contentType }
}

/** A message with the topic in `to`, so that a link with wildcards tells its messages apart, and one data section. */
export function writeMessage(topic: string, bytes: Uint8Array): Buffer {
  const properties = composite(sections.properties, [nothing, nothing, text(topic)])
  return Buffer.concat([properties, described(sections.data, binary(bytes))])
}

/** `source` and `target` of a link, with nothing but the address. [AMQP 3.5.3, 3.5.4] */
export const writeSource = (address: string): Buffer => composite(0x28, [text(address)])
export const writeTarget = (address: string | undefined): Buffer =>
  composite(0x29, [address === undefined ? nothing : text(address)])

/** Outcomes of a delivery. [AMQP 3.4] */
export const outcomes = { received: 0x23, accepted: 0x24, rejected: 0x25, released: 0x26, modified: 0x27 } as const
export const accepted: Buffer = composite(outcomes.accepted, [])
export const released: Buffer = composite(outcomes.released, [])
export const rejected = (condition: string, detail: string): Buffer =>
  composite(outcomes.rejected, [composite(0x1d, [symbol(condition), text(detail)])])
