import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kinds } from '../port.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { CodecDamaged } from './codec-damaged.ts'
import { openFrame, readFrame, writeFrame } from './frame-bytes.ts'
import { toFrames, toPoints, type SealedPoint } from './frame.ts'
import { readIntegers, writeIntegers } from './integers.ts'
import { readNumbers, writeNumbers } from './numbers.ts'
import { coarsen, RollupColumns, writeRollups, type Rollup } from './rollup.ts'
import type { NumberSummary } from './summary.ts'
import { readSummaries, summarise, writeSummaries } from './summary.ts'
import { readTexts, writeTexts } from './texts.ts'

const seed = Math.floor(Math.random() * 2 ** 31)
console.log(`codec: seed ${seed}`)
const check = <T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void, numRuns = 500) =>
  fc.assert(fc.property(arbitrary, holds), { seed, numRuns })

const encode = (write: (out: ByteWriter) => void): Uint8Array => {
  const out = new ByteWriter()
  write(out)
  return out.done()
}
const numbersBack = (values: number[]) =>
  Array.from(readNumbers(new ByteReader(encode((out) => writeNumbers(out, Float64Array.from(values)))), values.length))
const same = (a: number[], b: number[]) => {
  expect(a.length).toBe(b.length)
  for (const [i, value] of a.entries()) if (!Object.is(value, b[i])) throw new Error(`${i}: ${value} is not ${b[i]}`)
}

const anyDouble = fc.oneof(
  fc.double(),
  fc.constantFrom(
    NaN,
    0,
    -0,
    Infinity,
    -Infinity,
    2 ** 53,
    -(2 ** 53),
    2 ** 53 - 1,
    5e-324,
    Number.MAX_VALUE,
    0.1 + 0.2,
  ),
  fc.maxSafeInteger(),
  fc.float(),
)
const decimals = fc
  .tuple(fc.integer({ min: 0, max: 8 }), fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { maxLength: 300 }))
  .map(([places, values]) => values.map((value) => Number((value / 10 ** places).toFixed(places))).map((v) => v || 0))
const times = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 8_640_000_000_000_000 }), { maxLength: 300 }),
  fc.array(fc.constantFrom(0, 1, 5, 1_760_000_000_000_000, 1_760_000_000_000_001, 8_640_000_000_000_000)),
  fc
    .tuple(
      fc.integer({ min: 0, max: 2 ** 50 }),
      fc.integer({ min: 0, max: 10 ** 9 }),
      fc.array(fc.integer({ min: 0, max: 9 })),
    )
    .map(([start, step, jitter]) => jitter.map((ms, i) => start + i * step + ms)),
  fc
    .array(fc.integer({ min: 0, max: 2_000_000_000 }))
    .map((ms) => ms.map((each) => 1_760_000_000_000_123 + each * 1_000)),
)

describe('columns come back as they were', () => {
  test('any doubles, bit for bit', () => check(fc.array(anyDouble, { maxLength: 300 }), (v) => same(numbersBack(v), v)))
  test('decimals', () => check(decimals, (v) => same(numbersBack(v), v)))
  test('singles', () => check(fc.array(fc.float(), { maxLength: 300 }), (v) => same(numbersBack(v), v)))
  test('times with huge gaps, equal ones and steps, in any order', () =>
    check(times, (v) => {
      const bytes = encode((out) => writeIntegers(out, Float64Array.from(v)))
      same(Array.from(readIntegers(new ByteReader(bytes), v.length)), v)
    }))
  test('integers of every size', () =>
    check(
      fc.array(fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.bigInt({ min: 0n, max: 2n ** 50n }).map(Number))),
      (v) => {
        const bytes = encode((out) => {
          writeIntegers(out, Float64Array.from(v))
          for (const each of v) out.signed(each)
          for (const each of v) out.unsigned(Math.abs(each))
        })
        const input = new ByteReader(bytes)
        same(
          Array.from(readIntegers(input, v.length)),
          v.map((each) => each),
        )
        same(
          v.map(() => input.signed()),
          v.map((each) => each || 0),
        )
        same(
          v.map(() => input.unsigned()),
          v.map(Math.abs),
        )
      },
    ))
  test('texts, half surrogate pairs too', () =>
    check(
      fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('', '\ud800', 'on', 'off'))),
      (v) => {
        expect(readTexts(new ByteReader(encode((out) => writeTexts(out, v))), v.length)).toEqual(v)
      },
    ))
})

const value = fc.oneof(
  anyDouble.map((each) => ({ kind: kinds.number as number, value: each as number | string })),
  fc.boolean().map((each) => ({ kind: kinds.boolean, value: each ? 1 : 0 })),
  fc.string().map((each) => ({ kind: kinds.text, value: each })),
  fc.json().map((each) => ({ kind: kinds.json, value: each })),
)
const points: fc.Arbitrary<SealedPoint[]> = fc
  .array(
    fc.record({
      at: fc.integer({ min: 0, max: 30 }),
      keys: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1 }),
      value,
    }),
    {
      maxLength: 60,
    },
  )
  .map((records) => {
    let seq = 100
    return records.flatMap(({ at, keys, value: own }) => keys.map((series) => ({ seq: seq++, series, at, ...own })))
  })

describe('integers', () => {
  const back = (bytes: Uint8Array, length: number) => Array.from(readIntegers(new ByteReader(bytes), length))

  test('as versions before wrote them are still read', () => {
    const hash = (i: number) => (i * 7_919) % 97
    const written: [hex: string, values: (i: number) => number, length: number][] = [
      ['01004707614018000803006100200c0803006100200c008401', hash, 24],
      ['01008a0f07614018000803006100200c0803006100200c008401', (i) => i * 1_000 + hash(i), 24],
      [
        '058080f2818389850600ca4d07614018000803006100200c0803006100200c008401',
        (i) => 17e14 + i * 5_000_000 + hash(i) * 1_000,
        24,
      ],
      ['028080b4ccd4dfc6030e030320', (i) => 1e15 + ([0, 7, 13, 22][i] ?? 0), 4],
      ['0a8080f28183898506000a000102', (i) => 17e14 + ([0, 5, 10, 16][i] ?? 0) * 1e6, 4],
      ['0a0600000000', () => 3, 3],
    ]
    for (const [hex, value, length] of written) {
      same(
        back(Buffer.from(hex, 'hex'), length),
        Array.from({ length }, (_, i) => value(i)),
      )
    }
  })

  test('in steps that are not quite even, of any unit, come back', () => {
    const steps = fc.record({
      first: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
      unit: fc.constantFrom(1, 2, 3, 7, 1_000, 60_000),
      step: fc.integer({ min: -(2 ** 20), max: 2 ** 20 }),
      jitter: fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 600 }),
      narrow: fc.integer({ min: 1, max: 200 }),
    })
    check(
      steps,
      ({ first, unit, step, jitter, narrow }) => {
        const values = jitter.map((more, i) => first + unit * (i * step + (more % narrow)) || 0)
        same(
          back(
            encode((out) => writeIntegers(out, Float64Array.from(values))),
            values.length,
          ),
          values,
        )
      },
      1_000,
    )
  })

  test('take no more bits than their range needs', () => {
    const random = (i: number) => Math.floor(Math.abs(Math.sin(i * 12.9898) * 43_758.5453) % 20)
    const size = (value: (i: number) => number) =>
      encode((out) =>
        writeIntegers(
          out,
          Float64Array.from({ length: 512 }, (_, i) => value(i)),
        ),
      ).length
    // Times of a device that is some of 20 ms late, 4.4 bits each; three values, 1.6 bits.
    expect(size((i) => 17e14 + i * 17_280_000 + random(i) * 1_000)).toBeLessThan((512 * 4.9) / 8 + 30)
    expect(size((i) => random(i) % 3)).toBeLessThan((512 * 1.65) / 8 + 30)
  })
})

describe('a frame', () => {
  test('keeps every point, whole records and their numbers', () =>
    check(
      fc.tuple(points, fc.integer({ min: 1, max: 40 })),
      ([given, maxRecords]) => {
        const frames = toFrames([...given], maxRecords)
        const back = frames.flatMap((frame) => toPoints(readFrame(writeFrame(frame))))
        const place = (p: SealedPoint) => `${p.series} ${p.at} ${p.kind} ${Object.is(p.value, -0) ? '-0' : p.value}`
        expect(back.map(place).toSorted()).toEqual(given.map(place).toSorted())
        expect(back.map((p) => p.seq).toSorted((a, b) => a - b)).toEqual(given.map((p) => p.seq))
        for (const { at, seq } of frames) {
          expect(at.length).toBeLessThanOrEqual(maxRecords)
          for (let i = 1; i < at.length; i++)
            expect(at[i - 1]! < at[i]! || (at[i - 1] === at[i] && seq[i - 1]! < seq[i]!)).toBe(true)
        }
      },
      200,
    ))

  test('has summaries that count a replaced point once', () =>
    check(
      points,
      (given) => {
        for (const frame of toFrames([...given], 1_000)) {
          const summaries = readSummaries(writeSummaries(summarise(frame)))
          for (const { series, count, firstAt, lastAt, numbers } of summaries) {
            const own = new Map(given.filter((p) => p.series === series).map((p) => [p.at, p] as const))
            const sorted = [...own.values()].toSorted((a, b) => a.at - b.at)
            expect([count, firstAt, lastAt]).toEqual([sorted.length, sorted[0]!.at, sorted.at(-1)!.at])
            const numeric = given.filter((p) => p.series === series).every((p) => p.kind === kinds.number)
            expect(numbers !== undefined).toBe(numeric)
            if (!numbers) continue
            const all = sorted.map((p) => Number(p.value))
            same([numbers.first, numbers.last], [all[0]!, all.at(-1)!])
            if (all.some(Number.isNaN)) continue
            expect([numbers.min, numbers.max]).toEqual([Math.min(...all), Math.max(...all)])
            same([numbers.sum], [all.reduce((a, b) => a + b, 0)])
          }
        }
      },
      200,
    ))

  test('of a plain sensor takes under a byte a point', () => {
    let level = 200
    const given: SealedPoint[] = []
    for (let i = 0; i < 512; i++) {
      level += ((i * 7_919) % 5) - 2
      for (const series of [1, 2]) {
        given.push({
          seq: i * 2_000 + series,
          series,
          at: 1_760_000_000_000_000 + i * 10_000_000,
          kind: 0,
          value: (level + series) / 10,
        })
      }
    }
    expect(writeFrame(toFrames(given, 512)[0]!).length / given.length).toBeLessThan(1)
  })

  test('that is cut short is damage, never an answer', () => {
    const bytes = writeFrame(toFrames([{ seq: 1, series: 1, at: 5, kind: 2, value: 'x'.repeat(300) }], 10)[0]!)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readFrame(bytes.subarray(0, length))).toThrow(CodecDamaged)
    }
    expect(openFrame(bytes).column(9)).toBeUndefined()
  })
})

describe('roll-ups', () => {
  const rollups = fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 1_439 }), fc.array(fc.integer(), { minLength: 1 })), {
      selector: ([place]) => place,
    })
    .map((all) => all.toSorted(([a], [b]) => a - b))
  const of = (place: number, values: number[]): Rollup => ({
    place,
    count: values.length,
    sum: values.reduce((a, b) => a + b, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    first: values[0]!,
    last: values.at(-1)!,
  })

  /** All columns, asked for in any order. */
  const rollupsOf = (columns: RollupColumns, order: readonly (keyof NumberSummary)[]): Rollup[] => {
    const numbers = Object.fromEntries(order.map((name) => [name, columns.numbers(name)]))
    return Array.from(columns.places, (place, i) => ({
      ...of(place, [0]),
      ...Object.fromEntries(order.map((name) => [name, numbers[name]![i]!])),
      count: columns.counts[i]!,
    }))
  }

  test('come back as they were, and short ones make long ones', () =>
    check(
      fc.tuple(rollups, fc.shuffledSubarray(['sum', 'min', 'max', 'first', 'last'] as const, { minLength: 5 })),
      ([all, order]) => {
        const given = all.map(([place, values]) => of(place, values))
        expect(rollupsOf(new RollupColumns(writeRollups(given)), order)).toEqual(given)
        const hours = Map.groupBy(all, ([place]) => Math.floor(place / 60))
        const joined = [...hours].map(([hour, own]) =>
          of(
            hour,
            own.flatMap(([, values]) => values),
          ),
        )
        expect(coarsen(given, 60)).toEqual(joined)
      },
      200,
    ))
})
