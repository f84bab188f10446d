import type { Bridge, BridgeMessage, Sink, SinkRecord, WriteOptions } from '@patchbay/sdk'
import { isRecord } from '../config/plain.ts'
import { HostError } from '../errors.ts'
import type { Handler } from './channel.ts'

// The host made these from its own types; they came as JSON and are the same here.
const isRecords = (value: unknown): value is SinkRecord[] => Array.isArray(value)
const isMessages = (value: unknown): value is Omit<BridgeMessage, 'bytes'>[] => Array.isArray(value)

/** What the host has to know of a bridge before it can ask it anything. */
export const toAbout = ({ out, in: inward, as, queueMb, createDevices }: Bridge): Record<string, unknown> => ({
  out,
  in: inward,
  as,
  queueMb,
  createDevices,
})

/** Batches of sinks and bridges behind the boundary. */
export function addGuestWrites(
  handlers: Map<string, Handler>,
  sinkOf: (value: unknown) => Sink,
  bridgeOf: (value: unknown) => Bridge,
): void {
  const tries = new Map<number, AbortController>()

  const unreadable = (): HostError => new HostError('PLUGIN_PROTOCOL', 'The batch cannot be read.')
  const tryOnce = async <T>(value: unknown, work: (options: WriteOptions) => Promise<T> | undefined): Promise<T> => {
    const { key, attempt } = isRecord(value) ? value : {}
    const abort = new AbortController()
    tries.set(Number(key), abort)
    try {
      const answer = work({ attempt: Number(attempt), signal: abort.signal })
      if (!answer) throw unreadable()
      return await answer
    } finally {
      tries.delete(Number(key))
    }
  }
  const recordsOf = (value: unknown): SinkRecord[] => {
    const records = isRecord(value) ? value['records'] : undefined
    if (!isRecords(records)) throw unreadable()
    return records
  }

  handlers.set('sink.write', (value) => tryOnce(value, (options) => sinkOf(value).write(recordsOf(value), options)))
  handlers.set('bridge.write', (value) =>
    tryOnce(value, (options) => bridgeOf(value).write?.(recordsOf(value), options)),
  )
  handlers.set('bridge.send', (value, bytes) => {
    const messages = isRecord(value) ? value['messages'] : undefined
    if (!isMessages(messages)) throw unreadable()
    const whole = messages.map((message, index) => ({ ...message, bytes: bytes[index] ?? new Uint8Array() }))
    return tryOnce(value, (options) => bridgeOf(value).send?.(whole, options))
  })
  handlers.set('write.abort', (value) => tries.get(Number(isRecord(value) ? value['key'] : undefined))?.abort())
}
