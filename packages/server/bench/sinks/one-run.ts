// One process of `npm run bench:sinks`: brings the same records by a sink or by the client, and prints what that took.
import { setTimeout as wait } from 'node:timers/promises'
import type { SinkRecord } from '@patchbay/sdk'
import { openSink } from '../../test/harness/opened-sink.ts'

interface Sender {
  send(records: readonly SinkRecord[]): Promise<unknown>
  close(): Promise<unknown>
}

const batch = 1000
const devices = 100
const [target = '', way = '', config = '{}', count = '0', warmUp = '0', perSecond = ''] = process.argv.slice(2)
const configured: Record<string, unknown> = JSON.parse(config)
const baseMicros = (Math.floor(Date.now() / 1000) - 86_400) * 1_000_000

const toRecord = (n: number): SinkRecord => ({
  id: `bench:${n}`,
  device: `meter-${n % devices}`,
  type: 'meter',
  at: baseMicros + n * 10_000,
  values: { temperature: 20 + (n % 97) / 10, humidity: 40 + (n % 41) / 4 },
})

async function openClient(): Promise<Sender> {
  const { senders } = await import('./clients/senders.mjs')
  return senders[target].open(configured)
}

const sender = way === 'sink' ? await openSink(target, configured) : await openClient()
async function bring(from: number, to: number): Promise<void> {
  const sinceMs = performance.now()
  for (let begin = from; begin < to; begin += batch) {
    // At a pace, where one is given.
    if (perSecond !== '')
      await wait(Math.max(0, sinceMs + ((begin - from) / Number(perSecond)) * 1000 - performance.now()))
    await sender.send(Array.from({ length: Math.min(batch, to - begin) }, (_, i) => toRecord(begin + i)))
  }
}
await bring(0, Number(warmUp))
const before = process.cpuUsage()
const fromMs = performance.now()
await bring(Number(warmUp), Number(warmUp) + Number(count))
const { user, system } = process.cpuUsage(before)
const seconds = (performance.now() - fromMs) / 1000
const points = Number(count) * 2
process.stdout.write(`${JSON.stringify({ micros: (user + system) / points, rate: points / seconds })}\n`)
await sender.close()
process.exit(0)
