import type { SinkRecord } from '@patchbay/sdk'
import { startPlugin } from '@patchbay/testkit'

/** A bundled sink, open by itself: without the platform around it. */
export interface OpenedSink {
  /** Rejects unless all of it was taken. */
  send(records: readonly SinkRecord[]): Promise<void>
  close(): Promise<unknown>
}

const sendMs = 60_000

/** `name` as in `sink-influxdb`. */
export async function openSink(name: string, config: Record<string, unknown>): Promise<OpenedSink> {
  const manifest = new URL(import.meta.resolve(`@patchbay/sink-${name}/plugin.json`))
  const { default: plugin } = await import(new URL('src/index.ts', manifest).href)
  const host = await startPlugin(plugin, { manifest, config })
  const [sink] = host.sinks.values()
  if (!sink) throw new Error(`sink-${name} did not start: ${JSON.stringify(host.status)}`)
  return {
    async send(records) {
      const answer = await sink.write(records, { attempt: 1, signal: AbortSignal.timeout(sendMs) })
      if (answer.outcome !== 'delivered') throw new Error(JSON.stringify(answer).slice(0, 500))
    },
    close: () => host.stop(),
  }
}
