import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi, createDevice, type Api, type TestDevice } from '../harness/api.ts'
import { publishOnce } from '../harness/publish-once.ts'
import { makeDataFolder, type ServerProcess, startServer } from '../harness/server-process.ts'

/** What a case must come to: the words of contract section 4 in each protocol, and the code that the API shows. */
interface Case {
  name: string
  topic?: string
  payload: string | Uint8Array
  http: number
  v5: object
  v4: object
  code: string
}

const own = 'devices/bad-1/telemetry'
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const malformed = { http: 400, v5: { puback: 0x99 }, v4: { closed: true }, code: 'PAYLOAD_MALFORMED' }
const invalid = { http: 422, v5: { puback: 0x99 }, v4: { closed: true }, code: 'PAYLOAD_INVALID' }
const time = { ...invalid, code: 'TIME_INVALID' }
const forbidden = { http: 403, v5: { puback: 0x87 }, v4: { closed: true }, code: 'TOPIC_FORBIDDEN' }
const down = { ...forbidden, code: 'TOPIC_DOWN' }
const keys = (count: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1])))
const deep = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`

const cases: Case[] = [
  { name: 'broken JSON', payload: '{"a":', ...malformed },
  { name: 'an empty payload', payload: '', ...malformed },
  { name: 'bytes that are no UTF-8', payload: bytes(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d), ...malformed },
  { name: 'a bare number where an object belongs', payload: '21.5', ...invalid },
  { name: 'text where an object belongs', payload: '"hot"', ...invalid },
  { name: 'depth 33', payload: deep(33), ...invalid },
  { name: 'depth 100,000', payload: deep(100_000), ...invalid },
  {
    name: 'an unclosed bomb of brackets',
    payload: '['.repeat(200_000),
    http: 422,
    v5: { puback: 0x99 },
    v4: { closed: true },
    code: 'PAYLOAD_INVALID',
  },
  { name: '2,001 keys', payload: keys(2001), ...invalid },
  { name: '1e400', payload: '{"a":1e400}', ...invalid },
  { name: 'an integer beyond 2^53', payload: '{"a":9007199254740993}', ...invalid },
  { name: 'one bad item among good ones', payload: '[{"a":1},{"a":1e999}]', ...invalid },
  { name: 'a negative ts', payload: '{"ts":-2145916800000,"values":{"a":1}}', ...time },
  {
    name: 'a ts more than 24 h ahead',
    payload: JSON.stringify({ ts: Date.now() + 90_000_000, values: { a: 1 } }),
    ...time,
  },
  { name: 'text as a sensor value', topic: 'sensors/bad-1/level', payload: 'high', ...malformed },
  { name: "a foreign device's telemetry", topic: 'devices/bad-2/telemetry', payload: '{"a":1}', ...forbidden },
  { name: "a foreign device's sensor", topic: 'sensors/bad-2/level', payload: '1', ...forbidden },
  { name: 'a topic of nobody', topic: 'anything/else', payload: '1', ...forbidden },
  { name: 'a device id that hides in a longer one', topic: 'devices/bad-1x/telemetry', payload: '1', ...forbidden },
  { name: 'a command to itself', topic: 'devices/bad-1/commands/c1', payload: '{"name":"open"}', ...down },
  { name: 'its own desired shadow', topic: 'devices/bad-1/shadow/desired', payload: '{}', ...down },
]

let server: ServerProcess
let api: Api
let device: TestDevice
let data: Awaited<ReturnType<typeof makeDataFolder>>

beforeAll(async () => {
  data = await makeDataFolder()
  server = await startServer({ data: data.path })
  api = createApi(server.url)
  device = await createDevice(api, 'bad-1')
  await createDevice(api, 'bad-2')
  await api.get('/metrics')
})
afterAll(async () => {
  await server.stop()
  await data.remove()
})

const post = (path: string, payload: string | Uint8Array, login = `${device.id}:${device.secret}`) =>
  fetch(`${server.url}/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(login)}`, 'content-type': 'application/json' },
    body: payload as NonNullable<RequestInit['body']>,
  })

const recorded = async (protocol: string, code: string): Promise<boolean> =>
  (await api.get('/api/v1/refusals?limit=50')).body.items.some(
    (entry: { protocol: string; code: string }) => entry.protocol === protocol && entry.code === code,
  )

const stallLimitSeconds = 0.05
/** The longest delay of the server's loop since it was asked last. */
const worstStall = async (): Promise<number> =>
  Number(/nodejs_eventloop_lag_max_seconds ([\d.e-]+)/.exec((await api.get<string>('/metrics')).body)?.[1])

describe.each(cases)('$name', ({ topic = own, payload, http, v5, v4, code }) => {
  test('is refused over HTTP, with the code, and recorded', async () => {
    const answer = await post(topic, payload)
    const problem = (await answer.json()) as { code: string; detail: string }
    expect({ status: answer.status, code: problem.code }).toEqual({ status: http, code })
    expect(problem.detail.length).toBeGreaterThan(10)
    await expect.poll(() => recorded('http', code)).toBe(true)
  })
  test('is refused over MQTT 5 and 3.1.1 in their words, and recorded', async () => {
    const attempt = { port: server.port, username: device.id, password: device.secret, topic, payload }
    expect(await publishOnce({ ...attempt, version: 5 })).toEqual(v5)
    expect(await publishOnce({ ...attempt, version: 4 })).toEqual(v4)
    await expect.poll(() => recorded('mqtt', code)).toBe(true)
  })
})

describe('logins', () => {
  const attempt = { topic: own, payload: '{"a":1}' }
  test.each([
    { name: 'a wrong secret', username: 'bad-1', password: 'wrong', http: 401, v5: 0x86, v4: 4 },
    { name: 'an unknown device', username: 'nobody', password: 'x', http: 401, v5: 0x86, v4: 4 },
    { name: 'an empty secret', username: 'bad-1', password: '', http: 401, v5: 0x86, v4: 4 },
    { name: 'a user name with a wildcard', username: '#', password: 'x', http: 401, v5: 0x86, v4: 4 },
  ])('$name is refused on both protocols', async ({ username, password, http, v5, v4 }) => {
    expect((await post(own, '{}', `${username}:${password}`)).status).toBe(http)
    expect(await publishOnce({ port: server.port, version: 5, username, password, ...attempt })).toEqual({
      connack: v5,
    })
    expect(await publishOnce({ port: server.port, version: 4, username, password, ...attempt })).toEqual({
      connack: v4,
    })
  })
})

test('a body over 256 KiB is refused as too large on both protocols', async () => {
  const payload = `{"a":"${'x'.repeat(300_000)}"}`
  const sent = await post(own, payload).catch(() => undefined) // the server may close before all is sent
  expect(sent === undefined || sent.status === 413).toBe(true)
  const attempt = { port: server.port, username: device.id, password: device.secret, topic: own, payload }
  expect(await publishOnce({ ...attempt, version: 5 })).toEqual({ disconnect: 0x95 })
  expect(await publishOnce({ ...attempt, version: 4 })).toEqual({ closed: true })
})

test('a refused message at QoS 0 is dropped and recorded, and the connection stays', async () => {
  const attempt = {
    port: server.port,
    username: device.id,
    password: device.secret,
    topic: own,
    payload: '{"a":',
    qos: 0,
  } as const
  expect(await publishOnce({ ...attempt, version: 4 })).toEqual({ puback: 0 })
  expect(await publishOnce({ ...attempt, version: 5 })).toEqual({ puback: 0 })
})

test('keys that poison objects are data and nothing more', async () => {
  const answer = await post(own, '{"__proto__":{"polluted":true},"constructor":1,"safe":2}')
  expect([204, 422]).toContain(answer.status)
  expect((await post(own, '{"after":1}')).status).toBe(204)
  const latest = await api.get('/api/v1/devices/bad-1/latest')
  expect(latest.body.after.value).toBe(1)
  expect(latest.body.polluted).toBeUndefined()
})

test('nothing refused was stored, and the loop never stalled over 50 ms', async () => {
  const latest = await api.get('/api/v1/devices/bad-1/latest')
  expect(
    Object.keys(latest.body).filter((key) => !['after', 'safe', 'constructor', '__proto__'].includes(key)),
  ).toEqual([])
  let worst = await worstStall()
  // A payload that stalls the loop does so each time; another program on this machine does not.
  if (worst >= stallLimitSeconds) {
    for (const { topic = own, payload } of cases) await post(topic, payload)
    worst = Math.min(worst, await worstStall())
  }
  console.log(`bad input: worst stall of the event loop ${(worst * 1000).toFixed(1)} ms`)
  expect(worst).toBeLessThan(stallLimitSeconds)
})
