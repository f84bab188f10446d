import type { RecordValue, SinkRecord } from '@patchbay/sdk'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'

/** Values of intervals that have not ended; beyond it the stored readings wait. */
const maxSums = 100_000
/** Intervals that have ended and are not at the other side; beyond it the stored readings wait. */
const maxClosed = 10_000
/** An interval is closed so long after its end, and when nothing of it has come for so long. */
const graceMicros = 5_000_000
/** What comes again after a crash is no older than this many points; older ones are sent again by a person. */
const crashPoints = 200_000

const Sum = Type.Union([
  Type.Object({ sum: Type.Number(), count: Type.Integer({ minimum: 1 }) }),
  Type.Object({ last: Type.Unknown() }),
])
const Interval = Type.Object({
  device: Type.String(),
  type: Type.String(),
  start: Type.Integer({ minimum: 0 }),
  /** When something of it came last. */
  touched: Type.Integer(),
  sums: Type.Array(Type.Tuple([Type.String(), Sum])),
})
const State = Type.Object({
  /** Of each writer of the committed log, up to where it is in here. */
  seen: Type.Array(Type.Tuple([Type.String(), Type.Integer()])),
  open: Type.Array(Interval),
  closed: Type.Array(
    Type.Object({
      id: Type.String(),
      device: Type.String(),
      type: Type.String(),
      at: Type.Integer({ minimum: 0 }),
      values: Type.Array(Type.Tuple([Type.String(), Type.Unknown()])),
    }),
  ),
  next: Type.Integer({ minimum: 1 }),
})

/** Averages of intervals: numbers become their mean, anything else its last value. What it was given is durable in a file of its own. */
export interface Averages {
  /** Durable when resolved. The same record again counts once. false: there is no room now. */
  add(records: readonly SinkRecord[], nowMicros: number): Promise<boolean>
  /** What has ended and is to be sent, in order; it stays until it is dropped. */
  closed(nowMicros: number): readonly SinkRecord[]
  drop(ids: Iterable<string>): Promise<void>
}

type Mean = Static<typeof Sum>

const isValue = (value: unknown): value is RecordValue => value !== null && value !== undefined

export async function openAverages(folder: string, intervalMicros: number): Promise<Averages> {
  const path = join(folder, 'averages.json')
  const text = await readFile(path, 'utf8').catch(() => undefined)
  const stored: unknown = text === undefined ? undefined : JSON.parse(text)
  const state = Value.Check(State, stored) ? stored : { seen: [], open: [], closed: [], next: 1 }
  const seen = new Map(state.seen)
  const intervals = new Map(
    state.open.map((each) => [`${each.device}\0${each.start}`, { ...each, sums: new Map<string, Mean>(each.sums) }]),
  )
  let closed: SinkRecord[] = state.closed.map(({ values, ...record }) => ({
    ...record,
    values: Object.fromEntries(values.flatMap(([key, value]) => (isValue(value) ? [[key, value]] : []))),
  }))
  let { next } = state
  let sums = [...intervals.values()].reduce((count, each) => count + each.sums.size, 0)
  /** Writes come one after the other. */
  let writing: Promise<unknown> = Promise.resolve()

  const keep = (): Promise<void> => {
    const write = async (): Promise<void> => {
      const body: Static<typeof State> = {
        seen: [...seen],
        open: [...intervals.values()].map((each) => ({ ...each, sums: [...each.sums] })),
        closed: closed.map((record) => ({ ...record, values: Object.entries(record.values) })),
        next,
      }
      const handle = await open(`${path}.new`, 'w', 0o600)
      try {
        await handle.writeFile(JSON.stringify(body))
        await handle.datasync()
      } finally {
        await handle.close()
      }
      await rename(`${path}.new`, path)
    }
    const mine = writing.then(write)
    // Whoever is next only waits for the end; a failure is its caller's.
    writing = mine.catch(() => undefined)
    return mine
  }

  const isKnown = (id: string): boolean => {
    const at = id.lastIndexOf(':')
    const [writer, seq] = [id.slice(0, at), Number(id.slice(at + 1))]
    const last = seen.get(writer) ?? 0
    if (seq <= last && last - seq < crashPoints) return true
    seen.set(writer, seq)
    return false
  }
  const fold = ({ device, type, at, values }: SinkRecord, nowMicros: number): void => {
    const start = Math.floor(at / intervalMicros) * intervalMicros
    const key = `${device}\0${start}`
    const interval = intervals.get(key) ?? { device, type, start, touched: 0, sums: new Map<string, Mean>() }
    intervals.set(key, interval)
    interval.touched = nowMicros
    for (const [name, value] of Object.entries(values)) {
      const known = interval.sums.get(name)
      if (!known) sums += 1
      if (typeof value !== 'number') interval.sums.set(name, { last: value })
      else if (known && 'sum' in known) {
        known.sum += value
        known.count += 1
      } else interval.sums.set(name, { sum: value, count: 1 })
    }
  }
  const close = (nowMicros: number): void => {
    for (const [key, { device, type, start, touched, sums: means }] of intervals) {
      const isOver = start + intervalMicros + graceMicros <= nowMicros && touched + graceMicros <= nowMicros
      if (!isOver) continue
      intervals.delete(key)
      sums -= means.size
      const values = [...means].flatMap(([name, mean]): [string, RecordValue][] => {
        if ('sum' in mean) return [[name, mean.sum / mean.count]]
        return isValue(mean.last) ? [[name, mean.last]] : []
      })
      closed.push({ id: `average:${next++}`, device, type, at: start, values: Object.fromEntries(values) })
    }
  }

  return {
    async add(records, nowMicros) {
      if (closed.length >= maxClosed || sums >= maxSums) return false
      for (const record of records) if (!isKnown(record.id)) fold(record, nowMicros)
      await keep()
      return true
    },
    closed(nowMicros) {
      close(nowMicros)
      return closed
    },
    async drop(ids) {
      const gone = new Set(ids)
      closed = closed.filter(({ id }) => !gone.has(id))
      await keep()
    },
  }
}
