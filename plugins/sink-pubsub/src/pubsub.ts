import { status } from '@grpc/grpc-js'
import type { Sink, SinkRecord, WriteAnswer } from '@patchbay/sdk'
import { answerOfWrite, type OpenedSink, toReply } from '@patchbay/sdk/sink'
import type { Config } from './config.ts'
import { type Group, type OutMessage, readOrderingKey, toGroups } from './messages.ts'
import { openPublisher, type Publisher } from './publisher.ts'

/** Requests under way at once, each of another key. */
const parallel = 16

const textOf = (error: unknown, name: string): string => {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
  return typeof value === 'string' ? value : ''
}

/** What was said, after the name of its status: `NOT_FOUND: Resource not found (resource=readings).` */
function wordsOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  const name = typeof code === 'number' ? status[code] : undefined
  const words = textOf(error, 'details') || textOf(error, 'message') || String(error)
  return name === undefined ? words : `${name}: ${words}`
}

/** A message is to blame. */
const isRefusal = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && Reflect.get(error, 'code') === status.INVALID_ARGUMENT

type Said = { is: 'taken' | 'refused' | 'open'; words: string }

export interface OpenPubsub extends OpenedSink {
  close(): void
}

export function openPubsub(values: Config, stop: AbortSignal): OpenPubsub {
  const secrets = [values.credentials]
  const key = readOrderingKey(values.orderingKey)
  let publisher: Promise<Publisher> | undefined
  let lastId = ''

  const open = async (): Promise<Publisher> => {
    const opening = (publisher ??= openPublisher(values))
    try {
      return await opening
    } catch (error) {
      publisher = undefined
      throw error
    }
  }

  /** Publishes messages of one key; what is refused together goes again one by one, so that only the bad are left out. */
  async function publish(to: Publisher, messages: readonly OutMessage[], signal: AbortSignal): Promise<Said[]> {
    try {
      const ids = await to.publish(messages, signal)
      lastId = ids.at(-1) ?? lastId
      return messages.map(() => ({ is: 'taken', words: '' }))
    } catch (error) {
      if (!isRefusal(error)) return messages.map(() => ({ is: 'open', words: wordsOf(error) }))
      if (messages.length === 1) return [{ is: 'refused', words: wordsOf(error) }]
      const half = Math.ceil(messages.length / 2)
      const first = await publish(to, messages.slice(0, half), signal)
      const held = first.find(({ is }) => is === 'open')
      // What follows must not pass it.
      const rest = held ? messages.slice(half).map(() => held) : await publish(to, messages.slice(half), signal)
      return [...first, ...rest]
    }
  }

  async function publishKey(to: Publisher, groups: readonly Group[], said: Said[], signal: AbortSignal): Promise<void> {
    let held: Said | undefined
    for (const { messages, indices } of groups) {
      const answers = held ? [] : await publish(to, messages, signal)
      for (const [at, index] of indices.entries()) {
        const answer = held ?? answers[at]
        if (answer) said[index] = answer
        if (answer?.is === 'open') held = answer
      }
    }
  }

  async function write(records: readonly SinkRecord[], signal: AbortSignal): Promise<WriteAnswer> {
    const to = await open()
    const keys = toGroups(records, key)
    const said: Said[] = records.map(() => ({ is: 'open', words: 'not sent yet' }))
    const worker = async (): Promise<void> => {
      for (let groups = keys.shift(); groups; groups = keys.shift()) await publishKey(to, groups, said, signal)
    }
    await Promise.all(Array.from({ length: Math.min(parallel, keys.length) }, worker))
    const listOf = (is: Said['is']) =>
      said.flatMap((each, index) => (each.is === is ? [{ index, reply: toReply(each.words, secrets) }] : []))
    const [refused, retry] = [listOf('refused'), listOf('open')]
    if (refused.length === 0 && retry.length === 0) return { outcome: 'delivered' }
    const [first] = retry
    if (first && retry.length === records.length) return { outcome: 'retry', reply: first.reply }
    return { outcome: 'partial', refused, retry }
  }

  const sink: Sink = {
    write: (records, options) =>
      answerOfWrite(async () => {
        const signal = AbortSignal.any([stop, options.signal])
        signal.throwIfAborted()
        return write(records, signal)
      }, secrets),
  }
  return {
    sink,
    // Only who has a subscription can read it.
    readBack: async () =>
      `Pub/Sub has a message of the device _patchbay_probe in ${values.topic} of ${values.project}, id ${lastId}.`,
    close: () => void publisher?.then((old) => old.close()).catch(() => undefined),
  }
}
