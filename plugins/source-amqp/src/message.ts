import { createHash, randomUUID } from 'node:crypto'
import type { SourceMessage } from '@patchbay/sdk/source'

/** What both protocols say of a message. */
export interface AmqpMessage {
  body: unknown
  messageId: unknown
  topic: string
  headers: Record<string, unknown>
}

const maxHeaders = 50

/** The client reads JSON and text by itself where the content type says so. */
function toBytes(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body
  if (typeof body === 'string') return Buffer.from(body)
  try {
    return Buffer.from(JSON.stringify(body) ?? '')
  } catch {
    return Buffer.from('a body that cannot be shown') // nested too deep: no JSON, so it is refused as such
  }
}

const toText = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined

/** A message as what it says is read. One with an id of its own is the same message when it comes again with the same content. */
export function toSourceMessage({ body, messageId, topic, headers }: AmqpMessage, queue: string): SourceMessage {
  const bytes = toBytes(body)
  const named = messageId instanceof Uint8Array ? Buffer.from(messageId).toString('hex') : toText(messageId)
  const isNamed = named !== undefined && named !== ''
  const digest = isNamed ? createHash('sha256').update(`${queue}\n${named}\n`).update(bytes).digest('hex') : undefined
  return {
    id: digest?.slice(0, 40) ?? randomUUID(),
    where: isNamed ? `${queue} ${named}` : queue,
    topic,
    key: undefined,
    headers: new Map(
      Object.entries(headers)
        .slice(0, maxHeaders)
        .flatMap(([name, value]): [string, string][] => {
          const text = toText(value)
          return text === undefined ? [] : [[name, text]]
        }),
    ),
    // AMQP's own time has seconds only: two readings of one second would be one.
    at: undefined,
    bytes,
    isNamed,
  }
}
