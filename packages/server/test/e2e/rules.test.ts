import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt } from '../harness/mqtt-client.ts'

let server: InProcess
let api: Api

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

/** The alerts of one rule as they stand. */
const told = async (rule: string): Promise<string[]> => {
  const { body } = await api.get(`/api/v1/alerts?rule=${rule}`)
  return body.items.map(({ device, state, severity }: Record<string, string>) => `${device} ${state} ${severity}`)
}

const makeChannel = (name: string) =>
  api.post('/api/v1/channels', { name, plugin: 'alert-mqtt', enabled: false, config: {} })

test('a rule is made, read, changed and removed, with versions', async () => {
  for (const name of ['ops', 'boss']) expect((await makeChannel(name)).status).toBe(201)
  const made = await api.post('/api/v1/rules', {
    name: 'Too hot',
    scope: { devices: ['boiler-1'] },
    levels: [
      { severity: 'critical', when: 'temperature > 90.0' },
      {
        severity: 'warning',
        when: { all: [{ key: 'temperature', op: '>', value: 80 }] },
        for: '30s',
        repeat: { times: 3, within: '5m' },
      },
    ],
    change: null,
    offline: null,
    noData: '10m',
    clear: 'temperature < 75.0',
    schedule: null,
    channels: ['ops'],
    escalate: [{ after: '15m', channels: ['boss'] }],
  })
  expect(made.status).toBe(201)
  const { id } = made.body
  expect(made.body).toMatchObject({ enabled: true, status: { state: 'ok' }, version: 1, channels: ['ops'] })
  expect(made.body.levels[1].when).toEqual({ all: [{ key: 'temperature', op: '>', value: 80 }] })
  expect((await api.get(`/api/v1/rules/${id}`)).body).toEqual(made.body)
  expect((await api.get('/api/v1/rules?search=too')).body.items).toMatchObject([{ id }])
  const path = `/api/v1/rules/${id}`
  expect((await api.patch(path, { enabled: false })).body).toMatchObject({ enabled: false, version: 2, noData: '10m' })
  expect((await api.put(path, { name: 'Warm', levels: [{ severity: 'info', when: 't > 1' }] })).body).toMatchObject({
    name: 'Warm',
    version: 3,
    noData: null,
    enabled: true,
  })
  expect((await api.delete(path)).status).toBe(204)
  expect((await api.get(path)).status).toBe(404)
})

test('a rule names channels that are there, or were when it was saved', async () => {
  const rule = { name: 'x', levels: [{ severity: 'info', when: 'a > 1' }] }
  const told = { channels: ['inbox', 'nobody'], escalate: [{ after: '5m', channels: ['boss-2'] }] }
  const refused = await api.post('/api/v1/rules', { ...rule, ...told })
  expect(refused).toMatchObject({ status: 422, body: { code: 'REQUEST_INVALID' } })
  expect(refused.body.errors).toEqual([
    { path: '/channels/1', code: 'unknown-channel', message: 'there is no channel nobody' },
    { path: '/escalate/0/channels/0', code: 'unknown-channel', message: 'there is no channel boss-2' },
  ])
  await makeChannel('short-lived')
  const made = await api.post('/api/v1/rules', { ...rule, channels: ['inbox', 'short-lived'] })
  expect(made.status).toBe(201)
  const path = `/api/v1/rules/${made.body.id}`
  expect((await api.patch(path, { channels: ['nobody'] })).status).toBe(422)
  expect((await api.delete('/api/v1/channels/short-lived')).status).toBe(204)
  expect((await api.put(path, { ...rule, name: 'y', channels: ['short-lived'] })).status).toBe(200)
  expect((await api.patch(path, { channels: [] })).status).toBe(200)
  expect((await api.put(path, { ...rule, channels: ['short-lived'] })).status).toBe(422)
})

test.each<[string, unknown, string]>([
  ['an unknown field', { name: 'x', levels: [], colour: 'red' }, '/colour'],
  [
    'an unknown field of a level',
    { name: 'x', levels: [{ severity: 'info', when: 'a > 1', hold: '1s' }] },
    '/levels/0/hold',
  ],
  ['an unknown severity', { name: 'x', levels: [{ severity: 'bad', when: 'a > 1' }] }, '/levels/0/severity'],
  ['a wrong expression', { name: 'x', levels: [{ severity: 'info', when: 'a >' }] }, '/levels/0/when'],
  ['a wrong clear condition', { name: 'x', levels: [{ severity: 'info', when: 'a > 1' }], clear: 'f(1)' }, '/clear'],
  [
    'an unknown operator',
    { name: 'x', levels: [{ severity: 'info', when: { any: [{ key: 'a', op: '~', value: 1 }] } }] },
    '/levels/0/when/any/0/op',
  ],
  ['a wrong duration', { name: 'x', levels: [{ severity: 'info', when: 'a > 1', for: 'soon' }] }, '/levels/0/for'],
  ['a duration of years', { name: 'x', noData: '9000d' }, '/noData'],
  [
    'a wrong time zone',
    { name: 'x', noData: '10m', schedule: { timeZone: 'Moon', from: '08:00', to: '09:00' } },
    '/schedule/timeZone',
  ],
  ['a rule that could never raise', { name: 'x' }, '/levels'],
])('refuses %s and says where', async (_name, body, path) => {
  const { status, body: problem } = await api.post('/api/v1/rules', body)
  expect(status).toBe(422)
  expect(problem.errors.map((error: { path: string }) => error.path).join(' ')).toContain(path)
})

test('from a reading over MQTT to a signal, at once', async () => {
  const device = await createDevice(api, 'boiler-7')
  const { body } = await api.post('/api/v1/rules', {
    name: 'Hot',
    scope: { devices: ['boiler-7'] },
    levels: [{ severity: 'critical', when: 'temperature > 90.0 && v["em:0"] == "on"' }],
  })
  const client = await connectMqtt(server.port, device)
  await client.mqtt.publishAsync('devices/boiler-7/telemetry', '{"temperature":95,"em:0":"on"}', { qos: 1 })
  await vi.waitFor(async () => expect(await told(body.id)).toEqual(['boiler-7 open critical']))
  await client.mqtt.publishAsync('devices/boiler-7/telemetry', '{"temperature":20}', { qos: 1 })
  await vi.waitFor(async () => expect(await told(body.id)).toEqual(['boiler-7 resolved critical']))
  await client.end()
})

test('a viewer reads rules and changes none', async () => {
  const key = await api.post('/api/v1/api-keys', { name: 'viewer', role: 'viewer' })
  const viewer = createApi(server.url, key.body.secret ?? key.body.key)
  expect((await viewer.get('/api/v1/rules')).status).toBe(200)
  expect((await viewer.post('/api/v1/rules', { name: 'x', noData: '10m' })).status).toBe(403)
})

test('a preview answers what would have opened and closed, beside the rule in force', async () => {
  const device = await createDevice(api, 'past-1')
  const client = await connectMqtt(server.port, device)
  const start = Date.now() - 3_600_000
  const values = [20, 85, 95, 96, 85, 78, 70, 20, 99]
  const readings = values.map((temperature, i) => ({ ts: start + i * 60_000, values: { temperature, other: i } }))
  await client.mqtt.publishAsync('devices/past-1/telemetry', JSON.stringify(readings), { qos: 1 })
  await client.end()
  const scope = { devices: ['past-1'] }
  const rule = {
    name: 'new',
    scope,
    levels: [
      { severity: 'critical', when: 'temperature > 90.0', for: '1m' },
      { severity: 'warning', when: 'temperature > 80.0' },
    ],
    clear: 'temperature < 75.0',
  }
  const old = { name: 'old', enabled: false, scope, levels: [{ severity: 'info', when: 'temperature > 98.0' }] }
  const { body: inForce } = await api.post('/api/v1/rules', old)
  const period = { from: new Date(start).toISOString(), to: String(start + 1_800_000) }
  const { status, body } = await api.post('/api/v1/rules/preview', { rule, id: inForce.id, ...period })
  expect(status).toBe(200)
  const at = (minute: number) => new Date(start + minute * 60_000).toISOString()
  expect(body).toMatchObject({ devices: 1, readings: 9, points: 9, complete: true })
  expect(body.given.total).toBe(2)
  const [first, second] = body.given.alerts
  expect(first).toMatchObject({ device: 'past-1', severity: 'critical', openedAt: at(1), closedAt: at(6) })
  expect(
    first.steps.map((step: { kind: string; severity?: string; at: string }) => [step.kind, step.severity, step.at]),
  ).toEqual([
    ['raise', 'warning', at(1)],
    ['severity', 'critical', at(3)],
    ['severity', 'warning', at(4)],
    ['clear', undefined, at(6)],
  ])
  expect(second).toMatchObject({ openedAt: at(8), severity: 'critical' })
  expect(second.closedAt).toBeUndefined()
  expect(body.inForce).toMatchObject({ total: 1, alerts: [{ severity: 'info', openedAt: at(8) }] })
  const wrong = await api.post('/api/v1/rules/preview', {
    rule: { name: 'x', levels: [{ severity: 'info', when: 'a >' }] },
    ...period,
  })
  expect([wrong.status, wrong.body.errors[0].path]).toEqual([422, '/rule/levels/0/when'])
})
