import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi, createDevice, readAll, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'

const base = Date.UTC(2026, 0, 1)
const iso = (ms: number): string => new Date(ms).toISOString()

let server: InProcess
let api: Api
let device: TestDevice

const query = (id: string, parameters: Record<string, string | number>) => {
  const asked = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) asked.set(name, String(value))
  return api.get(`/api/v1/devices/${id}/telemetry?${asked}`)
}
const post = async (of: TestDevice, body: unknown): Promise<number> =>
  (await createDeviceHttp(server.url, of)(`devices/${of.id}/telemetry`, body)).status

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  device = await createDevice(api, 'series')
  // Twenty minutes of one value a minute, a text and a switch beside it.
  const rows = Array.from({ length: 20 }, (_, n) => ({
    ts: base + n * 60_000,
    values: { n, word: `w${n}`, on: n % 2 === 0, ...(n === 3 ? { box: { a: 1 } } : {}) },
  }))
  expect(await post(device, rows)).toBe(204)
})
afterAll(() => server.close())

test('raw points come in ascending pages without a gap or a double', async () => {
  const items: { key: string; at: string; value: unknown }[] = []
  let cursor: string | undefined
  let pages = 0
  do {
    const page = await query('series', {
      raw: 'true',
      keys: 'n,word',
      from: iso(base),
      to: iso(base + 1_200_000),
      limit: 7,
      ...(cursor ? { cursor } : {}),
    })
    expect(page.status).toBe(200)
    expect(page.body.items.length).toBeLessThanOrEqual(7)
    items.push(...page.body.items)
    cursor = page.body.nextCursor
    pages++
  } while (cursor)
  expect(pages).toBeGreaterThanOrEqual(6)
  expect(items).toHaveLength(40)
  expect(items.map(({ at }) => at)).toEqual(items.map(({ at }) => at).toSorted((a, b) => (a < b ? -1 : 1)))
  expect(items.filter(({ key }) => key === 'n').map(({ value }) => value)).toEqual(
    Array.from({ length: 20 }, (_, n) => n),
  )
  expect(new Set(items.map(({ key, at }) => key + at)).size).toBe(40)
})

test('from is inclusive, to is exclusive, in ISO or milliseconds', async () => {
  for (const [from, to] of [
    [iso(base + 60_000), iso(base + 180_000)],
    [base + 60_000, base + 180_000],
  ] as const) {
    const { body } = await query('series', { raw: 'true', keys: 'n', from, to })
    expect(body.items.map(({ value }: { value: number }) => value)).toEqual([1, 2])
  }
})

test('buckets: every aggregate over five minutes each', async () => {
  const ask = (aggregate: string, keys = 'n') =>
    query('series', { keys, from: iso(base), to: iso(base + 1_200_000), points: 4, aggregate })
  const values = async (aggregate: string, keys?: string) => {
    const { status, body } = await ask(aggregate, keys)
    expect(status).toBe(200)
    expect(body).toMatchObject({ from: iso(base), to: iso(base + 1_200_000), step: 300_000, aggregate })
    const series: { at: string; value: unknown }[] = body.series[keys ?? 'n']
    expect(series.map(({ at }) => Date.parse(at))).toEqual([0, 1, 2, 3].map((n) => base + n * 300_000))
    return series.map(({ value }) => value)
  }
  expect(await values('avg')).toEqual([2, 7, 12, 17])
  expect(await values('min')).toEqual([0, 5, 10, 15])
  expect(await values('max')).toEqual([4, 9, 14, 19])
  expect(await values('sum')).toEqual([10, 35, 60, 85])
  expect(await values('count')).toEqual([5, 5, 5, 5])
  expect(await values('first')).toEqual([0, 5, 10, 15])
  expect(await values('last')).toEqual([4, 9, 14, 19])
  expect((await values('minmax'))[0]).toEqual([0, 4])
  expect(await values('last', 'word')).toEqual(['w4', 'w9', 'w14', 'w19'])
  expect(await values('first', 'on')).toEqual([true, false, true, false])
  expect(await values('count', 'word')).toEqual([5, 5, 5, 5])
  for (const aggregate of ['avg', 'min', 'max', 'minmax', 'sum']) {
    for (const keys of ['word', 'on', 'n,word']) {
      const { status, body } = await ask(aggregate, keys)
      expect([aggregate, keys, status, body.code]).toEqual([aggregate, keys, 422, 'AGGREGATE_MISMATCH'])
    }
  }
  expect((await ask('median')).status).toBe(400)
})

test('empty buckets are left out, and the default is an average in at most 300 steps', async () => {
  const wide = await query('series', { keys: 'n', from: iso(base), to: iso(base + 86_400_000) })
  expect(wide.body.aggregate).toBe('avg')
  expect(wide.body.step).toBe(288_000)
  expect(wide.body.series.n.length).toBeLessThan(6)
  const all = await query('series', { from: iso(base), to: iso(base + 86_400_000) })
  expect(Object.keys(all.body.series)).toContain('n')
  expect((await query('series', {})).body.series).toEqual({})
})

test('the last 24 hours are read when nothing is said', async () => {
  const now = await createDevice(api, 'now')
  expect(await post(now, [{ ts: Date.now() - 25 * 3_600_000, values: { a: 1 } }, { a: 2 }])).toBe(204)
  const raw = await query('now', { raw: 'true' })
  expect(raw.body.items.map(({ value }: { value: number }) => value)).toEqual([2])
  const buckets = await query('now', {})
  expect(Date.parse(buckets.body.to) - Date.parse(buckets.body.from)).toBe(86_400_000)
  expect(buckets.body.series.a).toHaveLength(1)
})

test('fractions of a ts are kept to the microsecond and shown with six decimals where they are needed', async () => {
  const fine = await createDevice(api, 'fine')
  const rows = [
    { ts: base, values: { a: 0 } },
    { ts: base + 0.001, values: { a: 1 } },
    { ts: base + 0.5, values: { a: 2 } },
    { ts: base + 1.25, values: { a: 3 } },
  ]
  expect(await post(fine, rows)).toBe(204)
  const points = await readAll(api, 'fine', 'a')
  expect(points.map(({ at, value }) => [at, value])).toEqual([
    ['2026-01-01T00:00:00.000Z', 0],
    ['2026-01-01T00:00:00.000001Z', 1],
    ['2026-01-01T00:00:00.000500Z', 2],
    ['2026-01-01T00:00:00.001250Z', 3],
  ])
  const one = await query('fine', {
    raw: 'true',
    from: '2026-01-01T00:00:00.000001Z',
    to: '2026-01-01T00:00:00.000500Z',
  })
  expect(one.body.items).toMatchObject([{ value: 1 }])
})

test('the same point again replaces the earlier value, in raw, latest and buckets', async () => {
  const twice = await createDevice(api, 'twice')
  await post(twice, { ts: base, values: { a: 1 } })
  await post(twice, { ts: base + 1000, values: { a: 2 } })
  await post(twice, { ts: base, values: { a: 10 } })
  expect((await readAll(api, 'twice', 'a')).map(({ value }) => value)).toEqual([10, 2])
  await post(twice, { ts: base + 1000, values: { a: 20 } })
  expect((await api.get('/api/v1/devices/twice/latest')).body).toEqual({ a: { at: iso(base + 1000), value: 20 } })
  const sum = await query('twice', { keys: 'a', from: base, to: base + 10_000, points: 1, aggregate: 'sum' })
  expect(sum.body.series.a).toMatchObject([{ value: 30 }])
})

test('messages without a ts never replace each other, however fast they come', async () => {
  const fast = await createDevice(api, 'fast')
  const client = await connectMqtt(server.port, fast)
  await Promise.all(
    Array.from({ length: 200 }, (_, n) => client.mqtt.publishAsync('devices/fast/telemetry', `{"n":${n}}`, { qos: 1 })),
  )
  await client.end()
  const points = await readAll(api, 'fast', 'n')
  expect(points.map(({ value }) => value)).toEqual(Array.from({ length: 200 }, (_, n) => n))
})

test('bad questions are 400 with the field, unknown devices 404, and bad times of points are refused', async () => {
  for (const parameters of [
    { from: 'yesterday' },
    { from: iso(base + 1), to: iso(base) },
    { points: 0 },
    { limit: 20_000, raw: 'true' },
    { raw: 'true', cursor: 'nonsense' },
    { colour: 'red' },
  ]) {
    const { status, body } = await query('series', parameters)
    expect([parameters, status]).toEqual([parameters, 400])
    expect(body.code).toMatch(/QUERY_INVALID|CURSOR_INVALID/)
  }
  expect((await query('nobody', {})).status).toBe(404)
  expect((await api.get('/api/v1/devices/nobody/latest')).status).toBe(404)
  expect(await post(device, { ts: -1, values: { n: 1 } })).toBe(422)
  expect(await post(device, { ts: Date.now() + 25 * 3_600_000, values: { n: 1 } })).toBe(422)
  expect(await post(device, { ts: Date.now() + 23 * 3_600_000, values: { ahead: 1 } })).toBe(204)
  expect(
    (await query('series', { raw: 'true', keys: 'ahead', to: iso(Date.now() + 86_400_000) })).body.items,
  ).toHaveLength(1)
})
