import { WriteAnswer } from '@patchbay/contracts/delivery'
import type { Bridge, BridgeMessage, Sink, WriteOptions } from '@patchbay/sdk'
import { Value } from 'typebox/value'
import { HostError } from '../errors.ts'
import type { Channel } from './channel.ts'

/** Messages of a bridge that cross in one call: far less than one call may carry. */
const textAtOnce = 256 * 1024
const bytesAtOnce = 4 * 1024 * 1024

let nextKey = 1

const ask = async (
  channel: Channel,
  op: string,
  value: Record<string, unknown>,
  { attempt, signal }: WriteOptions,
  bytes: readonly Uint8Array[] = [],
): Promise<WriteAnswer> => {
  if (signal.aborted) return { outcome: 'retry', reply: 'The try was given up before it began.' }
  const key = nextKey++
  const abort = (): void => channel.cast('write.abort', { key })
  signal.addEventListener('abort', abort, { once: true })
  try {
    const answer = await channel.call(op, { ...value, attempt, key }, bytes)
    if (Value.Check(WriteAnswer, answer.value)) return answer.value
    throw new HostError('PLUGIN_PROTOCOL', `The answer to a batch cannot be read.`)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** A sink behind the boundary: a batch is one message there and its answer one back. */
export const toSink = (name: string, channel: () => Channel): Sink => ({
  write: (records, options) => ask(channel(), 'sink.write', { name, records }, options),
})

/** The index behind the messages that go together. */
function partEnd(messages: readonly BridgeMessage[], from: number): number {
  let text = 0
  let size = 0
  for (let index = from; index < messages.length; index += 1) {
    const { bytes, topic, properties } = messages[index] ?? { bytes: new Uint8Array(), topic: '' }
    text += 256 + topic.length * 2 + (properties ? JSON.stringify(properties).length : 0)
    size += bytes.length
    if (index > from && (text > textAtOnce || size > bytesAtOnce)) return index
  }
  return messages.length
}

async function sendInParts(
  messages: readonly BridgeMessage[],
  send: (part: readonly BridgeMessage[]) => Promise<WriteAnswer>,
): Promise<WriteAnswer> {
  const refused: { index: number; reply: string }[] = []
  const left = (from: number, reply: string) => messages.slice(from).map((_, index) => ({ index: from + index, reply }))
  for (let from = 0; from < messages.length;) {
    const end = partEnd(messages, from)
    const answer = await send(messages.slice(from, end))
    if (from === 0 && end === messages.length) return answer
    const at = from
    if (answer.outcome === 'retry') {
      const { reply, afterMs } = answer
      return { outcome: 'partial', refused, retry: left(at, reply), ...(afterMs === undefined ? {} : { afterMs }) }
    }
    // Halves of the first part find the cause; a later part becomes the first one with the next try.
    if (answer.outcome === 'refused')
      return at === 0 ? answer : { outcome: 'partial', refused, retry: left(at, answer.reply) }
    if (answer.outcome === 'partial') {
      refused.push(...answer.refused.map(({ index, reply }) => ({ index: at + index, reply })))
      const [first] = answer.retry
      if (first)
        return {
          ...answer,
          refused,
          retry: [...answer.retry.map((each) => ({ ...each, index: at + each.index })), ...left(end, first.reply)],
        }
    }
    from = end
  }
  return refused.length === 0 ? { outcome: 'delivered' } : { outcome: 'partial', refused, retry: [] }
}

/** Bytes travel beside the JSON. */
function withoutBytes(message: BridgeMessage): Omit<BridgeMessage, 'bytes'> {
  const { bytes: _, ...rest } = message
  return rest
}

/** A bridge behind the boundary. What a part came to is known before the next one goes. */
export const toBridge = (
  name: string,
  about: Pick<Bridge, 'out' | 'in' | 'as' | 'queueMb' | 'createDevices'>,
  members: readonly string[],
  channel: () => Channel,
): Bridge => ({
  ...about,
  ...(members.includes('send')
    ? {
        send: (messages, options) =>
          sendInParts(messages, (part) => {
            const value = { name, messages: part.map(withoutBytes) }
            return ask(
              channel(),
              'bridge.send',
              value,
              options,
              part.map(({ bytes }) => bytes),
            )
          }),
      }
    : {}),
  ...(members.includes('write')
    ? { write: (records, options) => ask(channel(), 'bridge.write', { name, records }, options) }
    : {}),
})
