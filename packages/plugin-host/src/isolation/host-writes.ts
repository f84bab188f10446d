import { WriteAnswer } from '@patchbay/contracts/delivery'
import type { Sink, WriteOptions } from '@patchbay/sdk'
import { Value } from 'typebox/value'
import { HostError } from '../errors.ts'
import type { Channel } from './channel.ts'

let nextKey = 1

const ask = async (
  channel: Channel,
  value: Record<string, unknown>,
  { attempt, signal }: WriteOptions,
): Promise<WriteAnswer> => {
  if (signal.aborted) return { outcome: 'retry', reply: 'The try was given up before it began.' }
  const key = nextKey++
  const abort = (): void => channel.cast('write.abort', { key })
  signal.addEventListener('abort', abort, { once: true })
  try {
    const answer = await channel.call('sink.write', { ...value, attempt, key })
    if (Value.Check(WriteAnswer, answer.value)) return answer.value
    throw new HostError('PLUGIN_PROTOCOL', `The answer to a batch cannot be read.`)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** A sink behind the boundary: a batch is one message there and its answer one back. */
export const toSink = (name: string, channel: () => Channel): Sink => ({
  write: (records, options) => ask(channel(), { name, records }, options),
})
