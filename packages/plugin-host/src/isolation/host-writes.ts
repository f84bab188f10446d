import { WriteAnswer } from '@patchbay/contracts/delivery'
import type { Bridge, Sink, WriteOptions } from '@patchbay/sdk'
import { Value } from 'typebox/value'
import { HostError } from '../errors.ts'
import type { Channel } from './channel.ts'

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

/** Records that go to a sink, or to a bridge, behind the boundary. */
export const toSink = (kind: 'sink' | 'bridge', name: string, channel: () => Channel): Sink => ({
  write: (records, options) => ask(channel(), `${kind}.write`, { name, records }, options),
})

/** Messages that go to a bridge behind the boundary; their payloads go as bytes. */
export const toMessages = (
  name: string,
  filters: readonly string[],
  channel: () => Channel,
): NonNullable<Bridge['messages']> => ({
  filters,
  write(messages, options) {
    const bytes: Uint8Array[] = []
    const heads = messages.map(({ bytes: payload, ...head }) => {
      bytes.push(payload)
      return head
    })
    return ask(channel(), 'bridge.messages', { name, messages: heads }, options, bytes)
  },
})
