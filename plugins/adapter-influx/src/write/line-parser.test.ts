import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FieldValue, type Line, LineError, parseLine } from './line-parser.ts'
import { createLineSplitter } from './line-splitter.ts'
import { toReadTime } from './precision.ts'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const nanos = toReadTime(null)
const read = (line: string): Line => parseLine(line, nanos)
const split = (...pieces: string[]): [string, number][] => {
  const lines: [string, number][] = []
  const splitter = createLineSplitter((line, number) => lines.push([line, number]))
  for (const piece of pieces) splitter.push(piece)
  splitter.end()
  return lines
}

describe('a line', () => {
  test.each<[string, Line]>([
    ['t value=1', { measurement: 't', tags: [], fields: [['value', 1]], at: undefined }],
    [
      'weather,location=us\\ midwest,device=a temperature=82.5,n=-3i,u=7u,ok=t,off=FALSE 1465839830100400200',
      {
        measurement: 'weather',
        tags: [
          ['device', 'a'],
          ['location', 'us midwest'],
        ],
        fields: [
          ['temperature', 82.5],
          ['n', -3],
          ['u', 7],
          ['ok', true],
          ['off', false],
        ],
        at: 1465839830100400,
      },
    ],
    [
      'wea\\,ther\\ x,tag\\=Key=va\\,lue "quoted"="say \\"hi, you\\" c:\\\\d, = 1" 0',
      {
        measurement: 'wea,ther x',
        tags: [['tag=Key', 'va,lue']],
        fields: [['"quoted"', 'say "hi, you" c:\\d, = 1']],
        at: 0,
      },
    ],
    [
      'm v=.5,w=1.,x=-1e-3,y=+2E5',
      {
        measurement: 'm',
        tags: [],
        fields: [
          ['v', 0.5],
          ['w', 1],
          ['x', -0.001],
          ['y', 200_000],
        ],
        at: undefined,
      },
    ],
    ['m v=""', { measurement: 'm', tags: [], fields: [['v', '']], at: undefined }],
  ])('%s', (text, line) => expect(read(text)).toEqual(line))

  test.each([
    [',a=b v=1', 'missing measurement'],
    ['m', 'missing fields'],
    ['m,a=b', 'missing fields'],
    ['m,a v=1', 'missing tag value'],
    ['m,=b v=1', 'missing tag key'],
    ['m, v=1', 'missing tag key'],
    ['m,a= v=1', 'missing tag value'],
    ['m,a=b=c v=1', 'invalid tag format'],
    ['m,a=1,a=2 v=1', 'duplicate tags'],
    ['m =1', 'missing field key'],
    ['m v', 'invalid field format'],
    ['m v=', 'missing field value'],
    ['m v=1,', 'missing field key'],
    ['m v="a', 'unbalanced quotes'],
    ['m v="a"b', 'invalid field format'],
    ['m v=1.2.3', 'invalid number'],
    ['m v=1e999', 'invalid number'],
    ['m v=1x', 'invalid number'],
    ['m v=yes', 'invalid boolean'],
    ['m v=NaN', 'invalid boolean'],
    ['m v=9007199254740993i', 'integer beyond 2^53: send it as text or as a float'],
    ['m v=1 12x', 'bad timestamp'],
    ['m v=1 1 2', 'bad timestamp'],
    ['m v=1 99999999999999999999', 'bad timestamp'],
  ])('%s is refused: %s', (text, why) => expect(() => read(text)).toThrow(new LineError(why)))

  test.each([
    ['ns', 1_500_000],
    ['u', 1_500_000_000],
    ['us', 1_500_000_000],
    ['ms', 1_500_000_000_000],
    ['s', 1_500_000_000_000_000],
    ['m', 90_000_000_000_000_000],
  ])('has its time in %s', (precision, micros) =>
    expect(parseLine('m v=1 1500000000', toReadTime(precision)).at).toBe(micros),
  )

  test('a precision that InfluxDB does not have is refused', () => {
    for (const wrong of ['days', 'constructor', 'S']) expect(() => toReadTime(wrong)).toThrow(/precision/)
  })
})

describe('lines of a body', () => {
  test('comments, empty lines and carriage returns are none; the numbers count them', () =>
    expect(split('# "a comment\n\n  m v=1\r\n \t\nn v=2')).toEqual([
      ['m v=1', 3],
      ['n v=2', 5],
    ]))

  test('a line break inside a quoted text is part of it', () =>
    expect(split('m,a="x v="a\nb\\"c\n",w=1 5\nn v="="\n')).toEqual([
      ['m,a="x v="a\nb\\"c\n",w=1 5', 1],
      ['n v="="', 4],
    ]))

  test('a line without an end has a limit, a comment none', () => {
    expect(() => split('m v="', 'x'.repeat(300_000))).toThrow(/Line 1 is longer/)
    expect(split('#', 'x'.repeat(300_000), '\nm v=1')).toEqual([['m v=1', 2]])
  })
})

// What a writer of line protocol may say: names hold no line break and no backslash at their end.
const name = fc
  .string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...Array.from('abz09 ,="_.:/\\é漢😀')) })
  .filter((text) => !text.endsWith('\\') && !/\\[,= "\\]/.test(text) && !text.startsWith('#') && text.trim() === text)
const value: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.string({ maxLength: 20, unit: fc.constantFrom(...Array.from('ab ,="\\\n\r#é漢😀')) }),
)
const distinct = <T>(of: fc.Arbitrary<T>, most: number, least = 0) =>
  fc.uniqueArray(fc.tuple(name, of), { minLength: least, maxLength: most, selector: ([each]) => each })
const point = fc.record({
  measurement: name.filter((text) => !text.startsWith('"')),
  tags: distinct(name, 4),
  fields: distinct(value, 5, 1),
  at: fc.option(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), { nil: undefined }),
})
const write = ({ measurement, tags, fields, at }: Line): string => {
  const escape = (text: string, what: RegExp) => text.replaceAll(what, '\\$&')
  const of = (each: FieldValue) =>
    typeof each === 'string' ? `"${escape(each, /["\\]/g)}"` : typeof each === 'boolean' ? String(each) : String(each)
  return [
    escape(measurement, /[, ]/g) + tags.map(([k, v]) => `,${escape(k, /[,= ]/g)}=${escape(v, /[,= ]/g)}`).join(''),
    fields.map(([k, v]) => `${escape(k, /[,= ]/g)}=${of(v)}`).join(','),
    ...(at === undefined ? [] : [`${at}000`]),
  ].join(' ')
}
const sorted = (line: Line): Line => ({
  ...line,
  tags: line.tags.toSorted(([a], [b]) => (a < b ? -1 : 1)),
  fields: line.fields.map(([key, each]) => [key, Object.is(each, -0) ? 0 : each]),
})

test(`whatever a writer writes is read as it was, however it is cut (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(point, { maxLength: 5 }), fc.array(fc.nat(400), { maxLength: 6 }), (points, cuts) => {
      const body = points.map(write).join('\n')
      const places = [0, ...cuts.map((cut) => Math.min(cut, body.length)).toSorted((a, b) => a - b), body.length]
      const pieces = places.slice(1).map((end, index) => body.slice(places[index], end))
      const lines = split(...pieces).map(([line]) => sorted(read(line)))
      expect(lines).toEqual(points.map(sorted))
    }),
    { seed, numRuns: 500 },
  )
})

test(`whatever comes in, it is read or refused (seed ${seed})`, () => {
  const anything = fc.string({ maxLength: 60, unit: fc.constantFrom(...Array.from('am,= "\\\n#1.-eitfu 0\r\t\0é')) })
  fc.assert(
    fc.property(anything, (body) => {
      for (const [line] of split(body)) {
        try {
          expect(read(line).fields.length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(LineError)
        }
      }
    }),
    { seed, numRuns: 2000 },
  )
})
