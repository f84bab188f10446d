import type { Sink, SinkRecord } from '@patchbay/sdk'
import { isRecord } from '../config/plain.ts'
import { HostError } from '../errors.ts'
import type { Handler } from './channel.ts'

// The host made these from its own types; they came as JSON and are the same here.
const isList = (value: unknown): value is SinkRecord[] => Array.isArray(value)

/** Batches of sinks behind the boundary. */
export function addGuestWrites(handlers: Map<string, Handler>, sinkOf: (value: unknown) => Sink): void {
  const tries = new Map<number, AbortController>()

  handlers.set('sink.write', async (value) => {
    const { key, attempt, records } = isRecord(value) ? value : {}
    if (!isList(records)) throw new HostError('PLUGIN_PROTOCOL', 'The batch cannot be read.')
    const abort = new AbortController()
    tries.set(Number(key), abort)
    try {
      return await sinkOf(value).write(records, { attempt: Number(attempt), signal: abort.signal })
    } finally {
      tries.delete(Number(key))
    }
  })
  handlers.set('write.abort', (value) => tries.get(Number(isRecord(value) ? value['key'] : undefined))?.abort())
}
