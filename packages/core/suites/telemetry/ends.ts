import { expect, test, vi } from 'vitest'
import { StoreUnavailable } from '../../src/store-unavailable.ts'
import type { Retention } from '../../src/telemetry/port.ts'
import { toBatch } from './batch.ts'
import { add, allCommitted, allRaw, range, reopen, SECOND, store, T0 } from './ground.ts'

/** What is deleted or too old. */
export function drops(): void {
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
    await reopen()
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
    await reopen()
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
    await reopen()
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
    await reopen()
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
}
