import { createFakeStore, createFakeTelemetry } from '@patchbay/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDatabases } from './databases.ts'
import { toJson } from './answer-json.ts'
import { toWriteTime } from './epoch.ts'
import { ParseError, StatementError } from './failures.ts'
import { parseQuery } from './parser.ts'
import { runStatement, type StatementContext } from './statement.ts'
import { ofKey } from '../series-name.ts'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const start = 1_760_000_000_000_000

function createContext(): StatementContext {
  const reader = createFakeTelemetry()
  for (let n = 0; n < 50; n++) {
    reader.add('a', start + n * 10_000_000, { t: n, 'm.x': -n, 'm.text': `t${n}`, 'm.on': n % 2 === 0 })
    reader.add('b', start + n * 7_000_000, { t: n * 2, 'c{k=1}.x': n, 'c{k=2}.x': n, json: { n } })
  }
  return {
    reader,
    names: { of: ofKey, note: () => undefined, settled: async () => undefined },
    databases: createDatabases(createFakeStore(), 'patchbay'),
    config: { deviceTag: 'device', fallbackTag: 'host', otherTags: 'keep', database: 'patchbay', maxBodyMib: 25 },
    nowMicros: start + 3600e6,
    signal: new AbortController().signal,
  }
}

/** The answer as a client gets it; errors that are none of InfluxQL come out. */
async function answerOf(query: string, context: StatementContext): Promise<string> {
  const statements = parseQuery(query)
  async function* results() {
    for (const [id, statement] of statements.entries()) yield { id, parts: runStatement(statement, context) }
  }
  let text = ''
  for await (const piece of toJson(results(), toWriteTime('ms'), (error) => {
    if (error instanceof StatementError) return error.message
    throw error
  }))
    text += piece
  return text
}

const word = fc.constantFrom(
  ...'SELECT FROM WHERE GROUP BY AND OR ORDER LIMIT 3 OFFSET 1 SLIMIT fill ( ) ( ) , , * / + - = != > < =~ !~ time time(10s) time(1m,5s) device host k t m c x value text on json'.split(
    ' ',
  ),
  ...'mean(value) max(x) last(*) count(text) percentile(x,50) derivative(mean(value),1s) difference(value) mean(/x/) abs(x) now() now() - 1h 1760000000000ms'.split(
    ' ',
  ),
  ...`'a' '2025-10-09' /a|b/ "t" "device"::tag 1.5 10s null none previous linear DESC true ;`.split(' '),
  ...'SHOW TAG KEYS VALUES WITH KEY MEASUREMENTS SERIES FIELD'.split(' '),
)
const soup = fc.array(word, { maxLength: 25 }).map((words) => words.join(' '))
const column = fc.constantFrom(
  '*',
  'value',
  'x',
  'text',
  'device',
  'mean(value)',
  'max(x)',
  'last(*)',
  'count(*)',
  'percentile(x, 90)',
  'x + value',
  '-x * 2',
  'derivative(mean(x), 1s)',
  'difference(x)',
  'moving_average(mean(x), 3)',
  'mean(/x|val/)',
  'median(text)',
  'first(json)',
  'spread(x)',
  'stddev(x)',
  'elapsed(x)',
  'round(x / 3)',
  'nothing',
)
const near = fc
  .record({
    columns: fc.array(column, { minLength: 1, maxLength: 3 }),
    from: fc.constantFrom(
      't',
      'm',
      'c',
      '/./',
      't, m',
      '(SELECT mean(value) AS x FROM t GROUP BY time(1m), device)',
      'json',
      'none',
    ),
    where: fc.constantFrom(
      '',
      'WHERE time > 1760000100000ms',
      "WHERE device = 'a'",
      'WHERE x > 5 AND time < now()',
      "WHERE device =~ /b/ OR k = '1'",
      "WHERE text != 't1'",
      'WHERE "on" = true',
    ),
    group: fc.constantFrom(
      '',
      'GROUP BY *',
      'GROUP BY time(20s)',
      'GROUP BY time(1m), device',
      'GROUP BY /d/',
      'GROUP BY time(30s, 7s), k',
    ),
    rest: fc.constantFrom(
      '',
      'fill(none)',
      'fill(previous)',
      'fill(linear)',
      'fill(5)',
      'ORDER BY time DESC',
      'ORDER BY time DESC LIMIT 2 OFFSET 1',
      'LIMIT 3',
      'SLIMIT 1 SOFFSET 1',
      'fill(0) LIMIT 4',
    ),
  })
  .map(({ columns, from, where, group, rest }) => `SELECT ${columns.join(', ')} FROM ${from} ${where} ${group} ${rest}`)

test(`whatever is asked, it is answered or refused in words (seed ${seed})`, async () => {
  const context = createContext()
  let answered = 0
  await fc.assert(
    fc.asyncProperty(fc.oneof({ weight: 1, arbitrary: soup }, { weight: 3, arbitrary: near }), async (query) => {
      let text: string
      try {
        text = await answerOf(query, context)
      } catch (error) {
        expect(error).toBeInstanceOf(ParseError)
        return
      }
      const { results } = JSON.parse(text)
      for (const { series = [] } of results)
        for (const { columns, values } of series) {
          answered++
          expect(values.length).toBeGreaterThan(0)
          for (const row of values) expect(row).toHaveLength(columns.length)
        }
    }),
    { seed, numRuns: 1000 },
  )
  expect(answered).toBeGreaterThan(100)
})

test(`roll-ups say the same as the points (seed ${seed})`, async () => {
  const context = createContext()
  const { reader } = context
  if (!reader) throw new Error('no reader')
  const range: typeof reader.range = async ({ keys = [] }) => ({ series: {}, mismatch: keys })
  const points = { ...context, reader: { ...reader, range } }
  const aggregate = fc.constantFrom('mean', 'sum', 'count', 'min', 'max', 'first', 'last')
  const query = fc
    .record({
      calls: fc.array(fc.tuple(aggregate, fc.constantFrom('value', 'x', 'text', '"on"')), {
        minLength: 1,
        maxLength: 3,
      }),
      from: fc.constantFrom('t', 'm', 'c', '/./'),
      times: fc.option(fc.tuple(fc.integer({ min: -30, max: 600 }), fc.integer({ min: 1, max: 500 })), {
        nil: undefined,
      }),
      group: fc.constantFrom(
        '',
        'GROUP BY device',
        'GROUP BY time(20s)',
        'GROUP BY time(1m, 7s), device',
        'GROUP BY time(3m), k',
      ),
      fill: fc.constantFrom('', 'fill(none)', 'fill(previous)', 'fill(0)'),
    })
    .map(({ calls, from, times, group, fill }) => {
      const [begin = 0, length = 0] = times ?? []
      const at = (seconds: number): string => `${1_760_000_000 + seconds}s`
      const where = times ? `WHERE time >= ${at(begin)} AND time < ${at(begin + length)}` : 'WHERE time < 1760000700s'
      return `SELECT ${calls.map(([name, field]) => `${name}(${field})`).join(', ')} FROM ${from} ${where} ${group} ${fill}`
    })
  await fc.assert(
    fc.asyncProperty(query, async (each) => {
      expect(await answerOf(each, context)).toBe(await answerOf(each, points))
    }),
    { seed, numRuns: 500 },
  )
})

test('what is nested too deep, or too long, is refused before it is carried out', () => {
  const queries = [
    `SELECT ${'-'.repeat(100_000)}x FROM t`,
    `SELECT ${'('.repeat(1000)}x${')'.repeat(1000)} FROM t`,
    `SELECT x FROM t WHERE ${Array.from({ length: 6000 }, () => 'x = 1').join(' OR ')}`,
    `${'SELECT x FROM ('.repeat(50)}SELECT x FROM t${')'.repeat(50)}`,
    'SELECT x FROM t; '.repeat(101),
    `SELECT ${'x, '.repeat(1000)}x FROM t`,
    `SELECT x FROM t WHERE device =~ /${'a'.repeat(1001)}/`,
    ' '.repeat(300_000),
  ]
  for (const query of queries) expect(() => parseQuery(query), query.slice(0, 40)).toThrow(ParseError)
})

test('the store is asked for roll-ups where it can answer, and for points where it must', async () => {
  const context = createContext()
  const { reader } = context
  const asked: string[] = []
  if (!reader) throw new Error('no reader')
  const watched = {
    ...reader,
    raw: (...of: Parameters<typeof reader.raw>) => (asked.push('points'), reader.raw(...of)),
    range: (...of: Parameters<typeof reader.range>) => (asked.push(of[0].aggregate), reader.range(...of)),
  }
  const askedBy = async (query: string) => {
    asked.length = 0
    await answerOf(query, { ...context, reader: watched })
    return [...new Set(asked)].join()
  }
  const time = 'time >= 1760000000000ms AND time < 1760000600000ms'
  expect(await askedBy(`SELECT mean(value) FROM t WHERE ${time} AND device = 'a' GROUP BY time(1m)`)).toBe('avg')
  expect(await askedBy(`SELECT mean(value) FROM t WHERE ${time} GROUP BY time(1m)`)).toBe('sum,count')
  expect(await askedBy(`SELECT max(value), min(value) FROM t WHERE ${time} GROUP BY time(1m)`)).toBe('max,min')
  expect(await askedBy(`SELECT last(value) FROM t WHERE ${time} GROUP BY time(1m), device`)).toBe('last')
  expect(await askedBy('SELECT last(value) FROM t GROUP BY device')).toBe('')
  expect(await askedBy(`SELECT last(value) FROM t WHERE ${time} GROUP BY time(1m)`)).toBe('points')
  expect(await askedBy(`SELECT median(value) FROM t WHERE ${time} GROUP BY time(1m)`)).toBe('points')
  expect(await askedBy(`SELECT mean(x) FROM m WHERE ${time} AND x > -20 GROUP BY time(1m)`)).toBe('points')
})
