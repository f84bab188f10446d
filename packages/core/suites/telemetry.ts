import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CursorInvalid } from '../src/cursor-invalid.ts'
import { StoreUnavailable } from '../src/store-unavailable.ts'
import {
  kinds,
  type AggregateName,
  type Batch,
  type CommitCursor,
  type CommittedRecord,
  type DeviceSeries,
  type Point,
  type PointJson,
  type RawQuery,
  type Retention,
  type TelemetryStore,
} from '../src/telemetry/port.ts'
import { ReadCancelled } from '../src/telemetry/read-cancelled.ts'

/** A telemetry store on its own empty data. `reopen` closes the store and opens another one on the same data. */
export interface OpenedTelemetry {
  store: TelemetryStore
  reopen(): Promise<TelemetryStore>
  /** Ends the store as a crash would, where the harness can. */
  kill?: () => Promise<void>
  close(): Promise<void>
}

/** A point on its way into a batch. */
export interface Row {
  series: number
  at: number
  value: PointJson
}

/** A batch with room to spare, as the hot path makes them. */
export function toBatch(rows: readonly Row[], capacity = rows.length): Batch {
  const batch: Batch = {
    length: rows.length,
    series: new Uint32Array(capacity),
    at: new Float64Array(capacity),
    kind: new Uint8Array(capacity),
    number: new Float64Array(capacity),
    text: [],
  }
  for (const [i, { series, at, value }] of rows.entries()) {
    batch.series[i] = series
    batch.at[i] = at
    if (typeof value === 'number') batch.number[i] = value
    else if (typeof value === 'boolean') {
      batch.kind[i] = kinds.boolean
      batch.number[i] = value ? 1 : 0
    } else {
      batch.kind[i] = typeof value === 'string' ? kinds.text : kinds.json
      batch.text.push(typeof value === 'string' ? value : JSON.stringify(value))
    }
  }
  return batch
}

const T0 = 1_760_000_000_000_000
const SECOND = 1_000_000

/** What every filling of the telemetry port keeps. */
export function telemetryContract(open: () => Promise<OpenedTelemetry>): void {
  describe('telemetry contract', () => {
    let opened: OpenedTelemetry
    let store: TelemetryStore
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.close())

    /** Appends records of one device, each all at one time, in one batch. */
    async function add(device: string, ...records: [at: number, values: Record<string, PointJson>][]): Promise<void> {
      const series = await store.openDevice(device)
      const rows = records.flatMap(([at, values]) =>
        Object.entries(values).map(([key, value]) => ({ series: store.addSeries(series, key), at, value })),
      )
      await store.append(toBatch(rows))
      store.releaseDevice(series)
    }

    async function allRaw(query: RawQuery): Promise<Point[]> {
      const items: Point[] = []
      let cursor: string | undefined
      do {
        const page = await store.raw({ ...query, ...(cursor === undefined ? {} : { cursor }) })
        expect(page.items.length).toBeLessThanOrEqual(query.limit)
        items.push(...page.items)
        cursor = page.nextCursor
      } while (cursor !== undefined)
      return items
    }

    async function allCommitted(
      limit: number,
      from: CommitCursor = {},
    ): Promise<{ records: CommittedRecord[]; cursor: CommitCursor }> {
      const records: CommittedRecord[] = []
      let cursor = from
      for (;;) {
        const page = await store.readCommitted(cursor, limit)
        records.push(...page.records)
        cursor = page.cursor
        if (page.records.length === 0) return { records, cursor }
      }
    }

    const range = (
      device: string,
      aggregate: AggregateName,
      more: { from?: number; to?: number; step?: number; keys?: string[] } = {},
    ) => store.range({ device, aggregate, from: T0, to: T0 + 100 * SECOND, step: 100 * SECOND, ...more })

    test('an unknown device has no keys, points or latest values', async () => {
      const series = await store.openDevice('none')
      expect([...series.keys]).toEqual([])
      store.releaseDevice(series)
      expect(await store.latest('none')).toEqual({})
      expect(await range('none', 'avg')).toEqual({ series: {}, mismatch: [] })
      expect(await store.raw({ device: 'none', from: 0, to: T0, limit: 10 })).toEqual({ items: [] })
    })

    test('every kind of value comes back as it was given', async () => {
      const values: Record<string, PointJson> = {
        zero: 0,
        minusZero: -0,
        int: 2 ** 53,
        minus: -(2 ** 53) + 1,
        tiny: 5e-324,
        huge: Number.MAX_VALUE,
        third: 1 / 3,
        yes: true,
        no: false,
        text: 'Grüße \u{1F600} \u0000 end',
        digits: '21.50',
        empty: '',
        object: { a: [1, { b: null }], c: 'x' },
        array: [1, 'two', false],
      }
      await add('d', [T0, values])
      const latest = await store.latest('d')
      expect(Object.keys(latest).toSorted()).toEqual(Object.keys(values).toSorted())
      for (const [key, value] of Object.entries(values)) {
        expect(latest[key]!.value).toEqual(value)
        expect(Object.is(latest[key]!.value, value)).toBe(typeof value !== 'object')
      }
      const { records } = await allCommitted(100)
      expect(records).toHaveLength(1)
      expect(Object.is(records[0]!.values['minusZero'], -0)).toBe(true)
      expect({ ...records[0]!.values }).toEqual(values)
    })

    test('times are exact to the microsecond, from 1970 on', async () => {
      for (const at of [0, 1, T0 + 1, T0 + 123_456, 8_640_000_000_000_000]) {
        await add('t', [at, { x: at }])
        expect(await store.raw({ device: 't', from: at, to: at + 1, limit: 10 })).toEqual({
          items: [{ key: 'x', at, value: at }],
        })
      }
    })

    test('hostile keys are keys like any other', async () => {
      const keys = ['__proto__', 'constructor', 'toString', "x'; DROP TABLE series; --", 'ключ', 'a b', 'em:0']
      const series = await store.openDevice('d')
      const rows = keys.map((key, i) => ({ series: store.addSeries(series, key), at: T0, value: i }))
      await store.append(toBatch(rows))
      const latest = await store.latest('d')
      expect(Object.keys(latest).toSorted()).toEqual(keys.toSorted())
      expect(Object.keys((await range('d', 'sum')).series).toSorted()).toEqual(keys.toSorted())
      const [record] = (await allCommitted(100)).records
      expect(Object.keys(record!.values).toSorted()).toEqual(keys.toSorted())
      expect(
        (await store.raw({ device: 'd', keys: ['__proto__'], from: T0, to: T0 + 1, limit: 5 })).items,
      ).toHaveLength(1)
    })

    test('latest is the greatest time, not the last arrival', async () => {
      await add('d', [T0 + 5, { a: 1, b: 'x' }])
      await add('d', [T0 + 3, { a: 2 }], [T0 + 9, { c: true }])
      expect(await store.latest('d')).toEqual({
        a: { at: T0 + 5, value: 1 },
        b: { at: T0 + 5, value: 'x' },
        c: { at: T0 + 9, value: true },
      })
    })

    test('the same point again replaces the earlier one in every read', async () => {
      await add('d', [T0, { a: 1 }], [T0 + 1, { a: 5 }])
      await add('d', [T0, { a: 3 }])
      await add('d', [T0 + 1, { a: 'text' }], [T0 + 1, { a: 7 }])
      expect(await store.latest('d')).toEqual({ a: { at: T0 + 1, value: 7 } })
      expect((await range('d', 'sum')).series).toEqual({ a: [{ at: T0, value: 10 }] })
      expect((await range('d', 'count')).series).toEqual({ a: [{ at: T0, value: 2 }] })
      expect(await allRaw({ device: 'd', from: T0, to: T0 + 10, limit: 1 })).toEqual([
        { key: 'a', at: T0, value: 3 },
        { key: 'a', at: T0 + 1, value: 7 },
      ])
    })

    test('range aggregates by bucket and leaves empty ones out', async () => {
      const at = (second: number) => T0 + second * SECOND
      await add(
        'd',
        [at(0), { a: 1, s: 'x', on: true }],
        [at(9.999999), { a: 4 }],
        [at(10), { a: 7, s: 'y', on: false }],
        [at(35), { a: -2 }],
      )
      const of = async (aggregate: AggregateName, keys = ['a']) => {
        const answer = await range('d', aggregate, { from: at(0), to: at(40), step: 10 * SECOND, keys })
        return Object.values(answer.series).map((buckets) =>
          buckets.map(({ at: start, value }) => [(start - T0) / SECOND, value]),
        )
      }
      expect(await of('avg')).toEqual([
        [
          [0, 2.5],
          [10, 7],
          [30, -2],
        ],
      ])
      expect(await of('min')).toEqual([
        [
          [0, 1],
          [10, 7],
          [30, -2],
        ],
      ])
      expect(await of('max')).toEqual([
        [
          [0, 4],
          [10, 7],
          [30, -2],
        ],
      ])
      expect(await of('minmax')).toEqual([
        [
          [0, [1, 4]],
          [10, [7, 7]],
          [30, [-2, -2]],
        ],
      ])
      expect(await of('sum')).toEqual([
        [
          [0, 5],
          [10, 7],
          [30, -2],
        ],
      ])
      expect(await of('count')).toEqual([
        [
          [0, 2],
          [10, 1],
          [30, 1],
        ],
      ])
      expect(await of('first')).toEqual([
        [
          [0, 1],
          [10, 7],
          [30, -2],
        ],
      ])
      expect(await of('last')).toEqual([
        [
          [0, 4],
          [10, 7],
          [30, -2],
        ],
      ])
      expect(await of('first', ['s'])).toEqual([
        [
          [0, 'x'],
          [10, 'y'],
        ],
      ])
      expect(await of('last', ['on'])).toEqual([
        [
          [0, true],
          [10, false],
        ],
      ])
      expect(await of('count', ['s'])).toEqual([
        [
          [0, 1],
          [10, 1],
        ],
      ])
    })

    test('range includes from, leaves out to, and buckets start at from', async () => {
      await add('d', [T0 - 1, { a: 1 }], [T0, { a: 2 }], [T0 + 6, { a: 3 }], [T0 + 7, { a: 4 }])
      const answer = await range('d', 'sum', { from: T0, to: T0 + 7, step: 3 })
      expect(answer.series).toEqual({
        a: [
          { at: T0, value: 2 },
          { at: T0 + 6, value: 3 },
        ],
      })
    })

    test('numeric aggregates of texts, booleans and JSON are a mismatch of that key alone', async () => {
      await add('d', [T0, { n: 1, s: 'x', b: true, j: [1], mixed: 1 }], [T0 + 1, { mixed: 'x' }])
      const answer = await range('d', 'avg')
      expect(answer.mismatch.toSorted()).toEqual(['b', 'j', 'mixed', 's'])
      expect(answer.series).toEqual({ n: [{ at: T0, value: 1 }] })
      expect((await range('d', 'avg', { keys: ['n'] })).mismatch).toEqual([])
      expect((await range('d', 'last')).mismatch).toEqual([])
      expect((await range('d', 'last')).series['mixed']).toEqual([{ at: T0, value: 'x' }])
      // Only what lies in the time asked for counts.
      expect((await range('d', 'sum', { to: T0 + 1, keys: ['mixed'] })).series).toEqual({
        mixed: [{ at: T0, value: 1 }],
      })
    })

    test('an average beyond all doubles is still a number', async () => {
      await add('d', [T0, { a: Number.MAX_VALUE }], [T0 + 1, { a: Number.MAX_VALUE }])
      expect(Number.isFinite((await range('d', 'sum')).series['a']![0]!.value)).toBe(true)
    })

    test('raw is ordered by time, then key, in whole pages', async () => {
      await add('d', [T0 + 2, { b: 1, a: 2 }], [T0, { c: 3 }], [T0 + 2, { c: 4 }], [T0 + 1, { a: 5 }])
      await add('e', [T0, { a: 9 }])
      const all = await allRaw({ device: 'd', from: T0, to: T0 + 3, limit: 100 })
      expect(all.map(({ key, at }) => `${at - T0}${key}`)).toEqual(['0c', '1a', '2a', '2b', '2c'])
      for (const limit of [1, 2, 3, 4, 5])
        expect(await allRaw({ device: 'd', from: T0, to: T0 + 3, limit })).toEqual(all)
      expect(
        (await allRaw({ device: 'd', keys: ['a', 'none'], from: T0, to: T0 + 3, limit: 1 })).map(({ value }) => value),
      ).toEqual([5, 2])
      const exact = await store.raw({ device: 'd', from: T0, to: T0 + 3, limit: 5 })
      expect(exact.nextCursor).toBeUndefined()
      for (const cursor of ['', 'x', Buffer.from('["a",1]').toString('base64url')]) {
        await expect(store.raw({ device: 'd', from: T0, to: T0 + 3, limit: 5, cursor })).rejects.toThrow(CursorInvalid)
      }
    })

    test('the committed log shows whole records in commit order and follows a cursor', async () => {
      await add('d', [T0, { a: 1, b: 2, c: 3 }], [T0 + 1, { a: 4, b: 5, c: 6 }])
      await add('e', [T0 + 1, { a: 7 }])
      await add('d', [T0, { a: 8 }])
      for (const limit of [1, 2, 3, 4, 100]) {
        const { records } = await allCommitted(limit)
        expect(records.map(({ device, at, values }) => [device, at - T0, { ...values }])).toEqual([
          ['d', 0, { a: 1, b: 2, c: 3 }],
          ['d', 1, { a: 4, b: 5, c: 6 }],
          ['e', 1, { a: 7 }],
          ['d', 0, { a: 8 }],
        ])
        const seqs = records.map(({ seq }) => seq)
        expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
        expect(records.every(({ writer }) => writer === store.writer)).toBe(true)
      }
      const first = await store.readCommitted({}, 1)
      expect(first.records).toHaveLength(1)
      expect(first.cursor[store.writer]).toBe(first.records[0]!.seq)
      const resumed = await allCommitted(100, { other: 5, [store.writer]: first.records[0]!.seq })
      expect(resumed.records).toHaveLength(3)
      expect(resumed.cursor['other']).toBe(5)
      await add('d', [T0 + 9, { a: 9 }])
      expect((await store.readCommitted(resumed.cursor, 100)).records).toHaveLength(1)
    })

    test('series ids stay the same, for all holders and over a reopen', async () => {
      const [one, two] = await Promise.all([store.openDevice('d'), store.openDevice('d')])
      const id = store.addSeries(one, 'a')
      expect(store.addSeries(two, 'a')).toBe(id)
      expect(two.keys.get('a')).toBe(id)
      expect(store.addSeries(one, 'b')).not.toBe(id)
      await store.append(toBatch([{ series: id, at: T0, value: 1 }]))
      store.releaseDevice(one)
      store.releaseDevice(two)
      const { writer } = store
      store = await opened.reopen()
      expect(store.writer).toBe(writer)
      const again = await store.openDevice('d')
      expect([...again.keys]).toEqual([['a', id]])
      const other = await store.openDevice('e')
      expect(store.addSeries(other, 'a')).not.toBe(id)
    })

    test('an append answers where it stands in the committed log, and the log its end', async () => {
      const device = await store.openDevice('d')
      const [a, b] = [store.addSeries(device, 'a'), store.addSeries(device, 'b')]
      const before = store.end()[store.writer] ?? 0
      const first = await store.append(toBatch([{ series: a, at: T0, value: 1 }]))
      const rows = [1, 2, 3].map((n) => ({ series: n === 2 ? b : a, at: T0 + n, value: n }))
      const last = await store.append(toBatch(rows))
      expect([first, last]).toEqual([before + 1, before + 4])
      expect(store.end()).toEqual({ [store.writer]: last })
      const { records } = await store.readCommitted({ [store.writer]: before }, 10)
      expect(records.map(({ seq }) => seq - before)).toEqual([1, 2, 3, 4])
      expect(await store.append(toBatch([]))).toBe(0)
      store = await opened.reopen()
      expect(store.end()).toEqual({ [store.writer]: last })
    })

    test('appended at once, in any order of answers: everything resolved is there', async () => {
      const devices = await Promise.all(Array.from({ length: 20 }, (_, i) => store.openDevice(`d${i}`)))
      await Promise.all(
        devices.flatMap((device) =>
          Array.from({ length: 10 }, (_, n) =>
            store.append(toBatch([{ series: store.addSeries(device, `k${n % 3}`), at: T0 + n, value: n }], 64)),
          ),
        ),
      )
      expect(await store.stats()).toMatchObject({ points: 200, series: 60 })
      expect((await allCommitted(7)).records).toHaveLength(200)
      expect((await store.latest('d7'))['k0']).toEqual({ at: T0 + 9, value: 9 })
    })

    test('a batch that no store could hold is refused whole and hurts no other', async () => {
      const device = await store.openDevice('d')
      const series = store.addSeries(device, 'a')
      const good = { series, at: T0, value: 1 }
      const bad: Row[] = [
        { series, at: T0 + 0.5, value: 1 },
        { series, at: NaN, value: 1 },
        { series, at: T0, value: Infinity },
        { series: 4_000_000, at: T0, value: 1 },
      ]
      const results = await Promise.allSettled([
        ...bad.map((row) => store.append(toBatch([{ ...good, at: 1 }, row]))),
        store.append(toBatch([good])),
      ])
      expect(results.map(({ status }) => status)).toEqual([...bad.map(() => 'rejected'), 'fulfilled'])
      expect(await allRaw({ device: 'd', from: 0, to: T0 * 2, limit: 10 })).toEqual([{ key: 'a', at: T0, value: 1 }])
    })

    test('a deleted device is gone from every read; it can begin anew', async () => {
      await add('d', [T0, { a: 1, b: 2 }], [T0 + 1, { a: 3 }])
      await add('e', [T0, { a: 5 }])
      const before = await store.readCommitted({}, 1)
      const device = await store.openDevice('d')
      const old = device.keys.get('a')!
      await store.deleteDevice('d')
      expect(await store.latest('d')).toEqual({})
      expect((await range('d', 'count')).series).toEqual({})
      expect((await allRaw({ device: 'd', from: 0, to: T0 * 2, limit: 10 })).length).toBe(0)
      expect((await allCommitted(1)).records.map((record) => record.device)).toEqual(['e'])
      expect((await allCommitted(1, before.cursor)).records.map((record) => record.device)).toEqual(['e'])
      // Who still holds ids of before cannot bring them back.
      await expect(store.append(toBatch([{ series: old, at: T0, value: 1 }]))).rejects.toThrow(StoreUnavailable)
      expect([...device.keys]).toEqual([])
      await store.append(toBatch([{ series: store.addSeries(device, 'a'), at: T0 + 7, value: 8 }]))
      store.releaseDevice(device)
      expect(await store.latest('d')).toEqual({ a: { at: T0 + 7, value: 8 } })
      store = await opened.reopen()
      expect(await store.latest('d')).toEqual({ a: { at: T0 + 7, value: 8 } })
      expect(await store.latest('e')).toEqual({ a: { at: T0, value: 5 } })
      await store.deleteDevice('none')
    })

    test('sequence numbers go on after the newest points were deleted', async () => {
      await add('d', [T0, { a: 1 }])
      await add('e', [T0, { a: 1 }])
      const { cursor } = await allCommitted(10)
      await store.deleteDevice('e')
      await vi.waitFor(async () => expect((await store.stats()).points).toBe(1))
      store = await opened.reopen()
      await add('d', [T0 + 1, { a: 2 }])
      const next = await store.readCommitted(cursor, 10)
      expect(next.records.map(({ at }) => at)).toEqual([T0 + 1])
    })

    /** What is not yet rolled up waits for it, which happens in the background: asks until so many points went. */
    const retained = async (retention: Retention, points: number) => {
      const sum = { dropped: 0, unread: 0 }
      await vi.waitFor(async () => {
        const { dropped, unread } = await store.retain(retention)
        sum.dropped += dropped
        sum.unread += unread
        expect(sum.dropped).toBeGreaterThanOrEqual(points)
      }, 10_000)
      return sum
    }

    test('retention drops what is older, keeps what is newer, and the numbers go on', async () => {
      for (let n = 0; n < 40; n++) await add('d', [T0 + n * SECOND, { a: n, b: 'x' }])
      await add('e', [T0, { a: 1 }])
      const { cursor } = await allCommitted(1_000)
      const old = { device: 'd', before: T0 + 20 * SECOND, unreadBefore: T0 }
      const { dropped, unread } = await retained(old, 21)
      const left = await allRaw({ device: 'd', keys: ['a'], from: T0, to: T0 + 100 * SECOND, limit: 7 })
      expect(unread).toBe(0)
      expect(left.length).toBe(40 - dropped / 2)
      // Some old ones may stay with newer ones that they are packed with.
      expect(left.length).toBeLessThan(30)
      expect(left.slice(-20).map(({ at }) => at)).toEqual(Array.from({ length: 20 }, (_, n) => T0 + (n + 20) * SECOND))
      expect((await store.latest('d'))['a']).toEqual({ at: T0 + 39 * SECOND, value: 39 })
      expect(Object.keys(await store.latest('e'))).toEqual(['a'])
      expect((await store.stats()).points).toBe(81 - dropped)
      await retained({ ...old, before: T0 + 100 * SECOND }, 80 - dropped)
      expect(await store.latest('d')).toEqual({})
      expect((await range('d', 'count')).series).toEqual({})
      store = await opened.reopen()
      expect((await store.stats()).points).toBe(1)
      await add('d', [T0, { a: 5 }])
      expect((await allCommitted(10, cursor)).records).toHaveLength(1)
    })

    test('retention waits for followers of the log, but not for ever, and counts what they lose', async () => {
      await add('d', [T0, { a: 1 }], [T0 + 1, { a: 2 }])
      const { cursor } = await store.readCommitted({}, 10)
      await store.holdCommitted('sink', cursor)
      await store.holdCommitted('slow', {})
      const gone = { device: 'd', before: T0 + SECOND, unreadBefore: T0 }
      expect(await store.retain(gone)).toEqual({ dropped: 0, unread: 0 })
      store = await opened.reopen()
      expect(await store.retain(gone)).toEqual({ dropped: 0, unread: 0 })
      expect(await retained({ ...gone, unreadBefore: T0 + SECOND }, 2)).toEqual({ dropped: 2, unread: 2 })
      expect((await store.stats()).droppedUnread).toBe(2)
      await add('d', [T0, { a: 3 }])
      await store.holdCommitted('slow', undefined)
      // `sink` still stands before the new point.
      expect(await store.retain(gone)).toEqual({ dropped: 0, unread: 0 })
      await store.holdCommitted('sink', (await store.readCommitted(cursor, 10)).cursor)
      expect(await retained(gone, 1)).toEqual({ dropped: 1, unread: 0 })
      expect((await store.stats()).droppedUnread).toBe(2)
    })

    test('a read whose caller is gone rejects with ReadCancelled', async () => {
      await add('d', [T0, { a: 1 }])
      const signal = AbortSignal.abort()
      await expect(store.latest('d', { signal })).rejects.toThrow(ReadCancelled)
      await expect(store.raw({ device: 'd', from: 0, to: T0, limit: 1 }, { signal })).rejects.toThrow(ReadCancelled)
      const leaving = new AbortController()
      const read = store.latest('d', { signal: leaving.signal })
      leaving.abort()
      await expect(read).rejects.toThrow(ReadCancelled)
      expect(await store.latest('d', { signal: new AbortController().signal })).toEqual({ a: { at: T0, value: 1 } })
    })

    test('close stores what was given before it; afterwards all is refused', async () => {
      const device = await store.openDevice('d')
      const series = store.addSeries(device, 'a')
      const pending = Array.from({ length: 20 }, (_, n) => store.append(toBatch([{ series, at: T0 + n, value: n }])))
      await store.close()
      await Promise.all(pending)
      await store.close()
      await expect(store.append(toBatch([{ series, at: T0, value: 1 }]))).rejects.toThrow(StoreUnavailable)
      await expect(store.latest('d')).rejects.toThrow(StoreUnavailable)
      store = await opened.reopen()
      expect((await store.stats()).points).toBe(20)
    })

    test('whatever is appended, all reads agree with a simple model', async () => {
      const value = fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: -1_000, max: 1_000 }) },
        { weight: 1, arbitrary: fc.oneof(fc.boolean(), fc.string(), fc.array(fc.integer())) },
      )
      const record = fc.record({
        device: fc.constantFrom('p', 'q'),
        at: fc.integer({ min: 0, max: 20 }),
        values: fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { minKeys: 1 }),
      })
      let round = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(record, { maxLength: 12 }), { maxLength: 6 }),
          fc.integer({ min: 1, max: 9 }),
          async (batches, size) => {
            round += 1
            const model = new Map<string, Map<string, Map<number, PointJson>>>()
            const held = new Map<string, DeviceSeries>()
            const start = (await allCommitted(1_000)).cursor
            let committed = 0
            for (const batch of batches) {
              const rows: Row[] = []
              for (const { device, at, values } of batch) {
                const name = `${device}${round}`
                const series = held.get(name) ?? (await store.openDevice(name))
                held.set(name, series)
                for (const [key, point] of Object.entries(values)) {
                  rows.push({ series: store.addSeries(series, key), at: T0 + at, value: point })
                  const keys = model.get(name) ?? new Map<string, Map<number, PointJson>>()
                  model.set(name, keys)
                  const times = keys.get(key) ?? new Map<number, PointJson>()
                  keys.set(key, times)
                  times.set(T0 + at, point)
                  committed += 1
                }
              }
              await store.append(toBatch(rows))
            }
            for (const [device, keys] of model) await agree(device, keys, size)
            const { records } = await allCommitted(size, start)
            expect(records.reduce((sum, { values }) => sum + Object.keys(values).length, 0)).toBe(committed)
          },
        ),
        { numRuns: 40 },
      )
    })

    async function agree(device: string, keys: Map<string, Map<number, PointJson>>, size: number): Promise<void> {
      const points = [...keys].flatMap(([key, times]) => [...times].map(([at, value]) => ({ key, at, value })))
      points.sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1))
      const [from, to] = [T0 + 3, T0 + 17]
      const inside = points.filter(({ at }) => at >= from && at < to)
      expect(await allRaw({ device, from, to, limit: size })).toEqual(inside)
      const latest = new Map(points.map(({ key, at, value }) => [key, { at, value }]))
      expect(await store.latest(device)).toEqual(Object.fromEntries(latest))
      for (const aggregate of ['avg', 'min', 'max', 'minmax', 'sum', 'count', 'first', 'last'] as const) {
        const answer = await store.range({ device, from, to, step: size, aggregate })
        for (const key of keys.keys()) {
          const own = inside.filter((point) => point.key === key)
          const numeric = !['count', 'first', 'last'].includes(aggregate)
          const fails = numeric && own.some(({ value }) => typeof value !== 'number')
          expect(answer.mismatch.includes(key)).toBe(fails)
          const buckets = fails ? [] : inBuckets(own, from, size, aggregate)
          expect(answer.series[key] ?? [], `${aggregate} ${key}`).toEqual(buckets)
        }
      }
    }
  })
}

function inBuckets(
  points: Point[],
  from: number,
  step: number,
  aggregate: AggregateName,
): { at: number; value: PointJson }[] {
  const buckets = Map.groupBy(points, ({ at }) => from + Math.floor((at - from) / step) * step)
  return [...buckets].map(([at, own]) => {
    const numbers = own.map(({ value }) => Number(value))
    const sum = numbers.reduce((a, b) => a + b, 0)
    const results = {
      avg: sum / own.length,
      min: Math.min(...numbers),
      max: Math.max(...numbers),
      minmax: [Math.min(...numbers), Math.max(...numbers)],
      sum,
      count: own.length,
      first: own[0]!.value,
      last: own.at(-1)!.value,
    }
    return { at, value: results[aggregate] }
  })
}
