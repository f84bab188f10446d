import { expect, test } from 'vitest'
import type { AggregateName } from '../../src/telemetry/port.ts'
import { add, range, SECOND, T0 } from './ground.ts'

/** Ranges in buckets. */
export function aggregates(): void {
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
}
