import { expect, test } from 'vitest'
import { StoreUnavailable } from '../../src/store-unavailable.ts'
import { type Row, toBatch } from './batch.ts'
import { add, allCommitted, allRaw, reopen, store, T0 } from './ground.ts'

/** Batches, the committed log and the end of a store. */
export function commits(): void {
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
    await reopen()
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
    await reopen()
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

  test('close stores what was given before it; afterwards all is refused', async () => {
    const device = await store.openDevice('d')
    const series = store.addSeries(device, 'a')
    const pending = Array.from({ length: 20 }, (_, n) => store.append(toBatch([{ series, at: T0 + n, value: n }])))
    await store.close()
    await Promise.all(pending)
    await store.close()
    await expect(store.append(toBatch([{ series, at: T0, value: 1 }]))).rejects.toThrow(StoreUnavailable)
    await expect(store.latest('d')).rejects.toThrow(StoreUnavailable)
    await reopen()
    expect((await store.stats()).points).toBe(20)
  })
}
