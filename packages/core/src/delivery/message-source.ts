import { type BridgeMessage, MessageProperties } from '@patchbay/contracts/bridge'
import { Qos } from '@patchbay/contracts/message'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { MessageLog } from './message-log.ts'
import type { Placed, Since, Source } from './port.ts'

const LetterMessage = Type.Object({
  topic: Type.String({ minLength: 1, maxLength: 512 }),
  payload: Type.Optional(Type.String()),
  base64: Type.Optional(Type.String()),
  qos: Qos,
  retain: Type.Boolean(),
  at: Type.Integer({ minimum: 0 }),
  mark: Type.String(),
  properties: Type.Optional(MessageProperties),
})
const utf8 = new TextDecoder('utf-8', { fatal: true })

const toPayload = (bytes: Uint8Array): { payload: string } | { base64: string } => {
  try {
    return { payload: utf8.decode(bytes) }
  } catch {
    // Not text: it is kept as it is, in base64.
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}

/** Messages as letters hold them. */
export const letterOfMessage: Pick<Source<BridgeMessage>, 'toLetter' | 'ofLetter'> = {
  toLetter: ({ topic, bytes, qos, retain, at, mark, properties }) => ({
    topic,
    ...toPayload(bytes),
    qos,
    retain,
    at,
    mark,
    ...(properties ? { properties } : {}),
  }),
  ofLetter(id, body) {
    if (!Value.Check(LetterMessage, body)) return undefined
    const { payload, base64, ...message } = body
    return { id, ...message, bytes: base64 === undefined ? Buffer.from(payload ?? '') : Buffer.from(base64, 'base64') }
  },
}

/** A bridge's queue as its own stream. All of it is one lane: what was published first goes first. */
export const createMessageSource = (
  log: Pick<MessageLog, 'id' | 'end' | 'read' | 'drop' | 'hear'>,
  markOf: (topic: string) => string,
): Source<BridgeMessage> => ({
  end: () => ({ [log.id]: log.end }),
  async read(cursor, limit, { floor, micros }: Since) {
    const after = cursor[log.id] ?? 0
    const { items, cursor: next } = await log.read(after, limit)
    const placed = items.flatMap(({ seq, message, bytes }): Placed<BridgeMessage>[] => {
      if (message.at < micros && seq <= (floor[log.id] ?? 0)) return []
      const item = { id: `${log.id}:${seq}`, ...message, mark: markOf(message.topic) }
      return [{ item, writer: log.id, seq, bytes }]
    })
    return { items: placed, cursor: { ...cursor, [log.id]: next }, gone: next - after - items.length }
  },
  hold: async (cursor) => {
    if (cursor) await log.drop(cursor[log.id] ?? 0)
  },
  holdMs: 0,
  hear: (onMore) => log.hear(onMore),
  laneOf: () => '',
  ...letterOfMessage,
})
