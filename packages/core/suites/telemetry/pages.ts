import { expect, test } from 'vitest'
import { CursorInvalid } from '../../src/cursor-invalid.ts'
import { ReadCancelled } from '../../src/telemetry/read-cancelled.ts'
import { add, allRaw, store, T0 } from './ground.ts'

/** Raw points by the page, and reads that are given up. */
export function pagesPoints(): void {
  test('raw is ordered by time, then key, in whole pages', async () => {
    await add('d', [T0 + 2, { b: 1, a: 2 }], [T0, { c: 3 }], [T0 + 2, { c: 4 }], [T0 + 1, { a: 5 }])
    await add('e', [T0, { a: 9 }])
    const all = await allRaw({ device: 'd', from: T0, to: T0 + 3, limit: 100 })
    expect(all.map(({ key, at }) => `${at - T0}${key}`)).toEqual(['0c', '1a', '2a', '2b', '2c'])
    for (const limit of [1, 2, 3, 4, 5]) expect(await allRaw({ device: 'd', from: T0, to: T0 + 3, limit })).toEqual(all)
    expect(
      (await allRaw({ device: 'd', keys: ['a', 'none'], from: T0, to: T0 + 3, limit: 1 })).map(({ value }) => value),
    ).toEqual([5, 2])
    const exact = await store.raw({ device: 'd', from: T0, to: T0 + 3, limit: 5 })
    expect(exact.nextCursor).toBeUndefined()
    for (const cursor of ['', 'x', Buffer.from('["a",1]').toString('base64url')]) {
      await expect(store.raw({ device: 'd', from: T0, to: T0 + 3, limit: 5, cursor })).rejects.toThrow(CursorInvalid)
    }
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
}
