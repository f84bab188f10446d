import type { Bridge, BridgeMessage, Sink, SinkRecord, WriteAnswer, WriteOptions } from '@patchbay/sdk'
import { isRecord } from '../config/plain.ts'
import { HostError } from '../errors.ts'
import type { Handler } from './channel.ts'

interface Live {
  sink(value: unknown): Sink
  bridge(value: unknown): Bridge
}

// The host made these from its own types; they came as JSON and are the same here.
const isList = (value: unknown): value is SinkRecord[] => Array.isArray(value)
const isMessages = (value: unknown): value is Omit<BridgeMessage, 'bytes'>[] => Array.isArray(value)

/** Batches of sinks and bridges behind the boundary: a batch is one message there and its answer one back. */
export function addGuestWrites(handlers: Map<string, Handler>, live: Live): void {
  const tries = new Map<number, AbortController>()

  const attempt = async (
    value: unknown,
    work: (options: WriteOptions) => Promise<WriteAnswer>,
  ): Promise<WriteAnswer> => {
    const { key, attempt: number } = isRecord(value) ? value : {}
    const abort = new AbortController()
    tries.set(Number(key), abort)
    try {
      return await work({ attempt: Number(number), signal: abort.signal })
    } finally {
      tries.delete(Number(key))
    }
  }
  const part = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined)
  const unreadable = (): never => {
    throw new HostError('PLUGIN_PROTOCOL', 'The batch cannot be read.')
  }

  const records =
    (sinkOf: (value: unknown) => Sink | undefined): Handler =>
    (value) => {
      const list = part(value, 'records')
      const sink = sinkOf(value)
      return isList(list) && sink ? attempt(value, (options) => sink.write(list, options)) : unreadable()
    }
  handlers.set('sink.write', records(live.sink))
  handlers.set(
    'bridge.write',
    records((value) => live.bridge(value).records),
  )
  handlers.set('bridge.messages', (value, bytes) => {
    const list = part(value, 'messages')
    const { messages } = live.bridge(value)
    if (!isMessages(list) || list.length !== bytes.length || !messages) return unreadable()
    const whole = list.map((message, index) => ({ ...message, bytes: bytes[index] ?? new Uint8Array() }))
    return attempt(value, (options) => messages.write(whole, options))
  })
  handlers.set('write.abort', (value) => tries.get(Number(part(value, 'key')))?.abort())
}
