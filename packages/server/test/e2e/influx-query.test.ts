import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundledPlugins } from '../../src/parts/bundled-plugins.ts'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { docCode } from '../harness/doc-code.ts'
import { filledQuery, readDashboards } from '../harness/grafana-files.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { grafanaQueries, influxLines, otherQueries } from '../harness/influx-data.ts'
import { testKey } from '../harness/server-process.ts'

const influx = process.env['INFLUXDB_URL']
const shell = process.env['INFLUX']
const keptAnswers = new URL('../fixtures/influx-answers.jsonl', import.meta.url)
/** Keeps what InfluxDB says anew, after a change of the queries. */
const isRecording = influx !== undefined && process.env['RECORD_INFLUX_ANSWERS'] === '1'
/** Of this run: what was dropped shortly before cannot be written to. */
const database = `iot_${Date.now()}`

let server: InProcess
let api: Api
let device: TestDevice

/** What a server says: the status, and the answer as text. */
const askAt = async (
  url: string,
  query: string,
  headers: Record<string, string>,
  more: Record<string, string> = {},
) => {
  const body = new URLSearchParams({ db: database, q: query })
  const answer = await fetch(`${url}/query?${new URLSearchParams(more)}`, { method: 'POST', headers, body })
  return { status: answer.status, text: await answer.text(), type: answer.headers.get('content-type') }
}
const token = { authorization: `Token ${testKey}` }
const ask = (query: string, more: Record<string, string> = {}, headers: Record<string, string> = token) =>
  askAt(server.url, query, headers, more)

/** Sums are made in another order here: the last digits of a double may differ. */
const rounded = (value: unknown): unknown => {
  if (typeof value === 'number' && !Number.isInteger(value)) return Number(value.toPrecision(10))
  if (Array.isArray(value)) return value.map(rounded)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rounded(each)]))
  return value
}
const parsed = (text: string): unknown => {
  const answer = JSON.parse(text)
  // Errors of how it was asked carry version 2's words too.
  return typeof answer.error === 'string' ? { error: answer.error } : rounded(answer)
}

beforeAll(async () => {
  server = await startInProcess({
    bundled: bundledPlugins.filter(({ manifestFile }) => String(manifestFile).includes('adapter-influx')),
  })
  api = createApi(server.url)
  await api.put('/api/v1/plugins/adapter-influx/instances/default', { config: { database } })
  device = await createDevice(api, 'a')
  for (const id of ['b', 'c', 'private']) await createDevice(api, id)
  const body = influxLines()
  const written = await fetch(`${server.url}/write?precision=s`, { method: 'POST', headers: token, body })
  expect([written.status, await written.text()]).toEqual([204, ''])
  if (influx === undefined) return
  await askAt(influx, `CREATE DATABASE iot; CREATE DATABASE ${database}`, {})
  const there = await fetch(`${influx}/write?db=${database}&precision=s`, { method: 'POST', body })
  expect(there.status).toBe(204)
})
afterAll(async () => {
  await server?.close()
  if (influx !== undefined) await askAt(influx, `DROP DATABASE ${database}`, {})
})

describe('the same answer as InfluxDB 1.13.2', () => {
  const found: [query: string, said: unknown][] = []
  const kept = new Map<string, unknown>(
    readFileSync(keptAnswers, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  )
  // Its answers are kept, so that they hold where it is not at hand; where it is, it is asked itself.
  test.each([...grafanaQueries, ...otherQueries])('%s', async (query) => {
    const { status, text } = await ask(query, { epoch: 'ms' })
    const ours = { status, answer: parsed(text) }
    if (influx === undefined) return expect(ours).toEqual(kept.get(query))
    const theirs = await askAt(influx, query, {}, { epoch: 'ms' })
    const said = { status: theirs.status, answer: parsed(theirs.text) }
    found.push([query, said])
    expect(ours).toEqual(said)
    if (!isRecording) expect(kept.get(query)).toEqual(said)
  })
  afterAll(() => {
    if (isRecording) writeFileSync(keptAnswers, found.map((each) => `${JSON.stringify(each)}\n`).join(''))
  })
})

describe.skipIf(influx === undefined)(`as InfluxDB${influx === undefined ? ', skipped, no INFLUXDB_URL' : ''}`, () => {
  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['RFC 3339', {}, {}],
    ['nanoseconds', { epoch: 'ns' }, {}],
    ['hours', { epoch: 'h' }, {}],
    ['pretty', { pretty: 'true' }, {}],
    ['pieces', { chunked: 'true', chunk_size: '2' }, {}],
    ['CSV', {}, { accept: 'text/csv' }],
    ['CSV with seconds', { epoch: 's' }, { accept: 'application/csv' }],
  ])('letter for letter as %s', async (_name, more, headers) => {
    for (const query of [
      'SELECT value FROM temperature GROUP BY device LIMIT 3; SHOW TAG KEYS; SELECT mode, speed FROM motor LIMIT 3',
      'SELECT max(value) FROM temperature GROUP BY device',
      'SELECT value FROM nothing',
    ]) {
      const theirs = await askAt(influx ?? '', query, headers, more)
      const ours = await ask(query, more, { ...token, ...headers })
      expect(ours).toEqual(theirs)
    }
  })

  test.skipIf(shell === undefined)(
    `the influx shell prints the same${shell === undefined ? ', skipped, no INFLUX' : ''}`,
    async () => {
      const run = async (url: string, format: string, query: string): Promise<string> => {
        const { hostname, port } = new URL(url)
        const login = ['-username', 'key', '-password', testKey]
        const args = [
          '-host',
          hostname,
          '-port',
          port,
          ...login,
          '-database',
          database,
          '-format',
          format,
          '-execute',
          query,
        ]
        return (await promisify(execFile)(shell ?? '', args, { timeout: 10_000 })).stdout
      }
      for (const format of ['column', 'json', 'csv']) {
        const query =
          'SHOW MEASUREMENTS; SELECT * FROM motor LIMIT 3; SELECT max(value) FROM temperature GROUP BY device'
        expect(await run(server.url, format, query)).toBe(await run(influx ?? '', format, query))
      }
    },
  )
})

test('the dashboards that come with Patchbay find data in every panel and every variable', async () => {
  for (const { title, panels, templating } of readDashboards()) {
    const queries = [...panels.flatMap(({ targets }) => targets), ...templating.list].map(({ query }) => query)
    for (const query of queries) {
      const filled = filledQuery(query, '1760000000000ms', '1760003600000ms')
      const answer = JSON.parse((await ask(filled, { epoch: 'ms' })).text)
      expect(answer.results[0].series?.length ?? 0, `${title}: ${filled}`).toBeGreaterThan(0)
    }
  }
})

test('every answer stands on its own: times, series and errors', async () => {
  const answer = await ask(
    'SELECT mean(value) FROM temperature WHERE time < 1760000040s GROUP BY time(20s), device; SELECT foo(value) FROM x',
  )
  expect(JSON.parse(answer.text)).toEqual({
    results: [
      {
        statement_id: 0,
        series: [
          {
            name: 'temperature',
            tags: { device: 'a' },
            columns: ['time', 'mean'],
            values: [
              ['2025-10-09T08:53:20Z', 20.55],
              ['2025-10-09T08:53:40Z', 22.75],
            ],
          },
          {
            name: 'temperature',
            tags: { device: 'b' },
            columns: ['time', 'mean'],
            values: [
              ['2025-10-09T08:53:20Z', 10],
              ['2025-10-09T08:53:40Z', 12.5],
            ],
          },
        ],
      },
      { statement_id: 1, error: 'undefined function foo()' },
    ],
  })
})

describe('rights', () => {
  test('a device reads itself and nothing else', async () => {
    const own = { authorization: `Basic ${btoa(`a:${device.secret}`)}` }
    const values = JSON.parse((await ask('SHOW TAG VALUES WITH KEY = device', {}, own)).text).results[0].series
    expect(values.flatMap((series: { values: string[][] }) => series.values.map(([, id]) => id))).toEqual([
      'a',
      'a',
      'a',
    ])
    expect(JSON.parse((await ask("SELECT value FROM temperature WHERE device = 'b'", {}, own)).text)).toEqual({
      results: [{ statement_id: 0 }],
    })
  })

  test('a key reads when its role may read telemetry, and CREATE DATABASE needs no more than a login', async () => {
    const made = await api.post('/api/v1/api-keys', { name: 'writer', publish: ['devices/+/telemetry'] })
    const writer = { authorization: `Token ${made.body.key}` }
    expect((await ask('CREATE DATABASE "telegraf"', {}, writer)).text).toBe('{"results":[{"statement_id":0}]}\n')
    const refused = await ask('SHOW DATABASES; SELECT value FROM temperature', {}, writer)
    expect([refused.status, JSON.parse(refused.text).error]).toEqual([403, expect.stringContaining('telemetry.read')])
    const { items } = (await api.get('/api/v1/refusals')).body
    expect(items[0]).toMatchObject({ protocol: 'influx', code: 'TELEMETRY_FORBIDDEN' })
    expect(JSON.parse((await ask('SHOW DATABASES')).text).results[0].series[0].values).toEqual(
      expect.arrayContaining([[database], ['telegraf']]),
    )
    const viewer = await api.post('/api/v1/api-keys', { name: 'grafana', role: 'viewer' })
    const reader = { authorization: `Bearer ${viewer.body.key}` }
    expect(
      JSON.parse((await ask('SELECT count(value) FROM temperature', {}, reader)).text).results[0].series,
    ).toHaveLength(1)
  })

  test('nobody asks without a login', async () => {
    const answer = await ask('SHOW DATABASES', {}, {})
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([401, expect.any(String)])
  })
})

test('what would be too much is refused, and what changes something, too', async () => {
  const errorOf = async (query: string) => JSON.parse((await ask(query)).text).results[0].error
  expect(await errorOf('SELECT mean(value) FROM temperature WHERE time > 0 GROUP BY time(1s)')).toMatch(
    /^max-select-buckets limit exceeded: \(\d+\/200000\)$/,
  )
  expect(await errorOf('DROP DATABASE iot')).toContain('DROP is not supported')
  expect(await errorOf('SHOW USERS')).toContain('SHOW USERS is not supported')
  expect((await ask('SELECT value FROM temperature WHERE device =~ /(/')).text).toContain('error')
})

test('the lines of the documentation lead from nothing to data', async () => {
  const code = (await docCode('protocols/influx.md', 'sh')).replace(':8080', `:${server.port}`)
  const env = { ...process.env, PATCHBAY_API_KEY: testKey }
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', code], { env, timeout: 15_000 })
  expect(stdout).toContain('"columns":["time","device","value"],"values":[[1760000000,"boiler-15",21.5]]')
})

test('parameters of the request stand for values, and a GET asks as well', async () => {
  const params = JSON.stringify({ d: 'b', n: 12 })
  const answer = await ask('SELECT value FROM temperature WHERE device = $d AND value > $n LIMIT 1', {
    params,
    epoch: 's',
  })
  expect(JSON.parse(answer.text).results[0].series[0].values).toEqual([[1_760_000_033, 13]])
  const got = await fetch(`${server.url}/query?q=SHOW+MEASUREMENTS+LIMIT+1&u=key&p=${testKey}`)
  expect(await got.json()).toMatchObject({ results: [{ series: [{ values: [['counter']] }] }] })
})
