import { expect, test } from 'vitest'
import type { PointJson } from '../../src/telemetry/port.ts'
import { toBatch } from './batch.ts'
import { add, allCommitted, allRaw, range, store, T0 } from './ground.ts'

/** Values, times, keys and the newest of each. */
export function keepsValues(): void {
  test('an unknown device has no keys, points or latest values', async () => {
    const series = await store.openDevice('none')
    expect([...series.keys]).toEqual([])
    store.releaseDevice(series)
    expect(await store.latest('none')).toEqual({})
    expect(await range('none', 'avg')).toEqual({ series: {}, mismatch: [] })
    expect(await store.raw({ device: 'none', from: 0, to: T0, limit: 10 })).toEqual({ items: [] })
  })

  test('names the devices that have points, a page at a time', async () => {
    for (const device of ['b', 'a:1', 'a', 'c', 'A']) await add(device, [T0, { x: 1 }])
    await store.deleteDevice('c')
    expect(await store.devices('', 10)).toEqual(['A', 'a', 'a:1', 'b'])
    expect(await store.devices('A', 2)).toEqual(['a', 'a:1'])
    expect(await store.devices('b', 2)).toEqual([])
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
    expect((await store.raw({ device: 'd', keys: ['__proto__'], from: T0, to: T0 + 1, limit: 5 })).items).toHaveLength(
      1,
    )
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
}
