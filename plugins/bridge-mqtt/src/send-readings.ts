import type { Context, SinkRecord, WriteAnswer, WriteOptions } from '@patchbay/sdk'
import type { Averages } from './averages.ts'
import type { Config } from './config.ts'
import { toMicros } from './duration.ts'
import type { Link } from './link.ts'
import type { Outcome, Outgoing } from './outbox.ts'
import { findUnfit } from './outgoing.ts'
import type { Plan } from './plan.ts'
import { type BatchItem, sendBatch } from './send-batch.ts'
import { createChangeFilter } from './thin-changes.ts'

/** Averages that go at once. */
const averagesAtOnce = 200
const flushMs = 1000

type Readings = NonNullable<Config['readings']>

const toLevel = (text: string): string => text.replaceAll(/[/+#\0]/g, '_')

/** As devices send it: what comes to another platform of this kind is stored there under the same time. */
function toOutgoing(
  { device, type, at, values }: Pick<SinkRecord, 'device' | 'type' | 'at' | 'values'>,
  { topic, qos }: Readings,
  { clientId }: Config,
  { preset }: Plan,
): Outgoing | Outcome {
  const wanted = Number(qos)
  const outgoing = {
    topic: topic
      .replaceAll('{device}', () => toLevel(device))
      .replaceAll('{type}', () => toLevel(type))
      .replaceAll('{clientId}', () => clientId),
    payload: Buffer.from(JSON.stringify({ ts: at / 1000, values })),
    qos: wanted === 0 || preset.maxQos === 0 ? 0 : wanted === 1 || preset.maxQos === 1 ? 1 : 2,
    retain: false,
  } as const
  const unfit = findUnfit(outgoing, preset)
  return unfit === undefined ? outgoing : { kind: 'refused', reply: unfit }
}

export type WriteReadings = (records: readonly SinkRecord[], options: WriteOptions) => Promise<WriteAnswer>

/** Sends stored readings: all, what has changed, or averages. */
export async function createWriteReadings(
  ctx: Context<Config>,
  plan: Plan,
  readings: Readings,
  { link, secrets }: { link: () => Link; secrets: readonly (string | undefined)[] },
): Promise<WriteReadings> {
  const toItem = (record: SinkRecord): BatchItem => ({
    id: record.id,
    outgoing: () => toOutgoing(record, readings, ctx.config, plan),
  })
  if (readings.thin === 'average') {
    const { openAverages } = await import('./averages.ts')
    const averages = await openAverages(await ctx.dataFolder(), toMicros(readings.interval))
    ctx.every(flushMs, () => flush(averages, link(), toItem, ctx, secrets))
    return async (records) =>
      (await averages.add(records, Date.now() * 1000))
        ? { outcome: 'delivered' }
        : { outcome: 'retry', reply: link().trouble || 'Too many averages wait for the broker.' }
  }
  if (readings.thin === 'none')
    return (records, { signal }) => sendBatch(link(), records.map(toItem), { signal, secrets })

  const { deadBand, atLeastEvery } = readings
  const everyMicros = atLeastEvery === undefined ? Number.POSITIVE_INFINITY : toMicros(atLeastEvery)
  const filter = createChangeFilter({ deadBand, everyMicros })
  return async (records, { signal }) => {
    const items = records.map((record): BatchItem => {
      const values = filter.thin(record)
      return values ? toItem({ ...record, values }) : { id: record.id, outgoing: () => ({ kind: 'taken' }) }
    })
    const answer = await sendBatch(link(), items, { signal, secrets })
    if (answer.outcome === 'delivered') filter.settle(items.map(({ id }) => id))
    else if (answer.outcome === 'partial') {
      // What follows one that comes again comes again, too.
      const first = Math.min(...answer.retry.map(({ index }) => index), items.length)
      filter.settle(items.slice(0, first).map(({ id }) => id))
    }
    return answer
  }
}

async function flush(
  averages: Averages,
  link: Link,
  toItem: (record: SinkRecord) => BatchItem,
  { log, signal }: Context<Config>,
  secrets: readonly (string | undefined)[],
): Promise<void> {
  const due = averages.closed(Date.now() * 1000).slice(0, averagesAtOnce)
  if (due.length === 0 || !link.wire) return
  const answer = await sendBatch(link, due.map(toItem), { signal, secrets })
  if (answer.outcome === 'retry' || answer.outcome === 'refused') return
  const again = answer.outcome === 'partial' ? answer.retry.map(({ index }) => index) : []
  if (answer.outcome === 'partial')
    for (const { index, reply } of answer.refused)
      log.warn('an average was refused and is gone', { device: due[index]?.device, reply })
  await averages.drop(due.flatMap(({ id }, index) => (again.includes(index) ? [] : [id])))
}
