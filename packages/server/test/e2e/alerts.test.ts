import type { DeliveryAnswer } from '@patchbay/contracts/notification'
import type { AlertSignal } from '@patchbay/core/alerts/port'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { bundlePlugin } from '../harness/bundled-plugin.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { openLive } from '../harness/live-viewer.ts'
import { createRecordingChannel, toRuleBook } from '../harness/recording-channel.ts'
import { makeDataFolder } from '../harness/server-process.ts'

let data: Awaited<ReturnType<typeof makeDataFolder>>
let server: InProcess
let api: Api
let answer: (rule: string) => DeliveryAnswer | Promise<DeliveryAnswer>
const recording = createRecordingChannel(({ notification }) => answer(notification.rule.id))
const delivered: DeliveryAnswer = { outcome: 'delivered', reply: 'ok' }
const refused: DeliveryAnswer = { outcome: 'refused', reply: '410 Gone' }
const until = (what: () => unknown) => vi.waitFor(what, { timeout: 10_000, interval: 20 })

let count = 0
const raise = (rule: string, device: string, severity: 'major' | 'minor' = 'major'): AlertSignal => ({
  id: `s${count++}`,
  kind: 'raise',
  rule,
  device,
  at: Date.now() * 1000,
  severity,
  value: { temperature: 91 },
  cause: 'temperature > 90',
})
const apply = (...signals: AlertSignal[]) => server.platform.domain.alerting.alerts.apply(signals)
const find = async (rule: string) => (await api.get(`/api/v1/alerts?rule=${rule}`)).body.items[0]
const read = async (id: string) => (await api.get(`/api/v1/alerts/${id}`)).body

beforeAll(async () => {
  data = await makeDataFolder()
  const contributes = { alertChannels: [{ name: 'main', title: 'Main' }] }
  server = await startInProcess({
    data: data.path,
    bundled: [
      await bundlePlugin(join(data.path, 'packages'), 'alert-test', recording.plugin, {
        contributes,
        instances: 'many',
      }),
    ],
  })
  server.platform.domain.alerting.useRules(toRuleBook(['ops']))
  api = createApi(server.url)
  expect((await api.put('/api/v1/plugins/alert-test/instances/ops', { config: {} })).body.state).toBe('running')
  await createDevice(api, 'boiler-1')
})
afterAll(async () => {
  await server.close()
  await data.remove()
})
beforeEach(() => {
  answer = () => ({ outcome: 'delivered', reply: '202 Accepted' })
  recording.told.length = 0
})

test('an alert goes to its channel, and its timeline says what the remote answered', async () => {
  await apply(raise('hot', 'boiler-1'))
  await until(() => expect(recording.told).toHaveLength(1))
  expect(recording.told[0]).toMatchObject({
    channel: 'ops',
    attempt: 1,
    notification: {
      kind: 'raised',
      alert: { severity: 'major', state: 'open', count: 1, value: { temperature: 91 }, cause: 'temperature > 90' },
      rule: { id: 'hot', name: 'Rule hot' },
      device: { id: 'boiler-1', name: 'boiler-1', type: 'default', tags: [] },
    },
  })
  const { id } = await find('hot')
  await until(async () =>
    expect((await read(id)).timeline.at(-1)).toMatchObject({
      kind: 'delivery',
      channel: 'ops',
      attempt: 1,
      outcome: 'delivered',
      text: '202 Accepted',
    }),
  )
  expect((await api.post(`/api/v1/alerts/${id}/acknowledge`, { comment: 'I go' })).body).toMatchObject({
    state: 'acknowledged',
    acknowledgedBy: expect.stringMatching(/^key:/),
  })
  expect((await api.post(`/api/v1/alerts/${id}/assign`, { assignee: 'ada' })).body.assignee).toBe('ada')
  expect((await api.post(`/api/v1/alerts/${id}/comments`, { text: 'valve stuck' })).status).toBe(200)
  expect((await api.post(`/api/v1/alerts/${id}/comments`, { text: '' })).status).toBe(422)
  const until1h = new Date(Date.now() + 3_600_000).toISOString()
  expect((await api.post(`/api/v1/alerts/${id}/silence`, { until: until1h })).body.silencedUntil).toBe(until1h)
  expect((await api.post(`/api/v1/alerts/${id}/silence`, { until: '2020-01-01T00:00:00Z' })).status).toBe(422)
  expect((await api.post(`/api/v1/alerts/${id}/silence`, { until: null })).body.silencedUntil).toBeUndefined()
  expect((await api.post(`/api/v1/alerts/${id}/resolve`)).body).toMatchObject({ state: 'resolved' })
  expect((await api.post(`/api/v1/alerts/${id}/acknowledge`)).status).toBe(409)
  expect((await api.post('/api/v1/alerts/none/resolve')).status).toBe(404)
  const audit = (await api.get('/api/v1/audit?limit=20')).body.items
  expect(audit.map((entry: { action: string }) => entry.action)).toContain(`POST /api/v1/alerts/${id}/assign`)
})

test('lists filter by state, severity, device and rule, newest first, by pages', async () => {
  await apply(raise('list-a', 'p1', 'minor'), raise('list-a', 'p2'), raise('list-b', 'p1', 'minor'))
  const ids = async (query: string) =>
    (await api.get(`/api/v1/alerts?${query}`)).body.items.map(
      (one: { rule: string; device: string }) => `${one.rule}/${one.device}`,
    )
  expect((await ids('rule=list-a')).toSorted()).toEqual(['list-a/p1', 'list-a/p2'])
  expect(await ids('rule=list-a&severity=minor')).toEqual(['list-a/p1'])
  expect((await ids('device=p1&state=open')).toSorted()).toEqual(['list-a/p1', 'list-b/p1'])
  expect(await ids('device=p1&state=resolved')).toEqual([])
  const first = (await api.get('/api/v1/alerts?device=p1&limit=1')).body
  const second = (await api.get(`/api/v1/alerts?device=p1&limit=1&cursor=${first.nextCursor}`)).body
  expect(first.items[0].id > second.items[0].id).toBe(true)
  expect(second.nextCursor).toBeUndefined()
  expect((await api.get('/api/v1/alerts?state=strange')).status).toBe(400)
})

test('a delivery that is refused is a failed job, raises a system alert, and can be tried again or taken out', async () => {
  answer = (rule) => (rule.startsWith('refused') ? refused : delivered)
  await apply(raise('refused', 'boiler-1'))
  await until(async () =>
    expect(await find('system:delivery-failed')).toMatchObject({ device: 'boiler-1', state: 'open' }),
  )
  const { id } = await find('refused')
  await until(async () => {
    const { items } = (await api.get('/api/v1/jobs/alerts/failed')).body
    expect(items).toMatchObject([{ queue: 'alerts', key: `${id}.1.ops`, why: '410 Gone' }])
  })
  expect((await api.get('/api/v1/jobs')).body.items).toMatchObject([{ name: 'alerts', failed: 1 }])
  answer = () => delivered
  const path = `/api/v1/jobs/alerts/failed/${id}.1.ops`
  expect((await api.post(`${path}/retry`)).status).toBe(202)
  await until(async () => expect((await read(id)).notifications).toEqual({ pending: 0, failed: 0 }))
  expect(recording.told.filter(({ notification }) => notification.alert.id === id)).toHaveLength(2)
  await until(async () => expect((await api.post(`${path}/retry`)).status).toBe(404))
  answer = (rule) => (rule.startsWith('refused') ? refused : delivered)
  await apply(raise('refused-2', 'boiler-1'))
  const other = await find('refused-2')
  await until(async () => expect((await api.get('/api/v1/jobs/alerts/failed')).body.items).toHaveLength(1))
  expect((await api.delete(`/api/v1/jobs/alerts/failed/${other.id}.1.ops`)).status).toBe(204)
  expect((await read(other.id)).notifications).toEqual({ pending: 0, failed: 0 })
  expect((await api.delete(`/api/v1/jobs/alerts/failed/${other.id}.1.ops`)).status).toBe(404)
})

test('a channel that throws, stops or is not there is tried again', async () => {
  answer = () => {
    throw new Error('socket hang up')
  }
  await apply(raise('thrown', 'boiler-1'))
  const { id } = await find('thrown')
  await until(async () =>
    expect((await read(id)).timeline.at(-1)).toMatchObject({ outcome: 'retry', text: 'socket hang up' }),
  )
  await api.post('/api/v1/plugins/alert-test/instances/ops/disable')
  await apply(raise('stopped', 'boiler-1'))
  const stopped = await find('stopped')
  await until(async () =>
    expect((await read(stopped.id)).timeline.at(-1)).toMatchObject({
      outcome: 'retry',
      text: expect.stringContaining('no channel "ops"'),
    }),
  )
  answer = () => delivered
  await api.post('/api/v1/plugins/alert-test/instances/ops/enable')
  await until(async () => expect((await read(stopped.id)).notifications.pending).toBe(0))
})

test('maintenance windows are planned, changed and removed, and hold alerts back', async () => {
  const from = new Date(Date.now() - 60_000).toISOString()
  const to = new Date(Date.now() + 3_600_000).toISOString()
  const made = await api.post('/api/v1/maintenance', { name: 'Boiler works', from, to, devices: ['boiler-1'] })
  expect(made).toMatchObject({
    status: 201,
    body: { name: 'Boiler works', devices: ['boiler-1'], types: [], tags: [] },
  })
  const path = `/api/v1/maintenance/${made.body.id}`
  await apply(raise('in-maintenance', 'boiler-1'), raise('in-maintenance', 'p9'))
  await until(() => expect(recording.told.map(({ notification }) => notification.device.id)).toContain('p9'))
  const held = (await api.get('/api/v1/alerts?rule=in-maintenance&device=boiler-1')).body.items[0]
  expect(held.timeline.at(-1)).toMatchObject({ kind: 'withheld', text: 'maintenance: Boiler works' })
  expect((await api.put(path, { name: 'x', from: to, to: from })).status).toBe(422)
  expect(
    (await api.put(path, { name: 'Done', from, to: new Date().toISOString() }, { 'if-match': '"7"' })).status,
  ).toBe(412)
  expect((await api.put(path, { name: 'Done', from, to: new Date().toISOString() })).body.version).toBe(2)
  expect((await api.get('/api/v1/maintenance')).body.items).toMatchObject([{ name: 'Done' }])
  expect((await api.delete(path)).status).toBe(204)
  expect((await api.get(path)).status).toBe(404)
})

test('alerts and queues are followed live', async () => {
  await apply(raise('live', 'boiler-1'))
  const { id } = await find('live')
  const viewer = await openLive(server.port)
  viewer.send({ subscribe: { kind: 'alerts', ids: ['*'] } })
  viewer.send({ subscribe: { kind: 'alerts', ids: [id, 'none'], name: 'one' } })
  viewer.send({ subscribe: { kind: 'jobs', ids: ['*'] } })
  await until(() => expect(viewer.seen.alerts[id]).toMatchObject({ rule: 'live', state: 'open', device: 'boiler-1' }))
  await until(() => expect(viewer.seen.alerts['none']).toBeNull())
  expect(viewer.seen.alerts[id].timeline).toBeUndefined()
  await until(() => expect(viewer.seen.jobs['alerts']).toMatchObject({ failed: expect.any(Number) }))
  await api.post(`/api/v1/alerts/${id}/acknowledge`)
  await until(() => expect(viewer.seen.alerts[id].state).toBe('acknowledged'))
  await apply(raise('live-2', 'boiler-1'))
  const other = await find('live-2')
  await until(() => expect(viewer.seen.alerts[other.id]).toMatchObject({ state: 'open' }))
  viewer.close()
})

test('a deleted device’s alerts end', async () => {
  await createDevice(api, 'gone-1')
  await apply(raise('orphan', 'gone-1'))
  await api.delete('/api/v1/devices/gone-1')
  await until(async () => expect(await find('orphan')).toMatchObject({ state: 'resolved', resolvedBy: 'platform' }))
})

test('alerts and their deliveries go on after a restart', async () => {
  answer = () => ({ outcome: 'retry', reply: 'later' })
  await apply(raise('over-restart', 'boiler-1'))
  const { id } = await find('over-restart')
  await until(async () => expect((await read(id)).timeline.at(-1)).toMatchObject({ outcome: 'retry' }))
  await server.close()
  answer = () => delivered
  const contributes = { alertChannels: [{ name: 'main', title: 'Main' }] }
  server = await startInProcess({
    data: data.path,
    bundled: [
      await bundlePlugin(join(data.path, 'packages'), 'alert-test', recording.plugin, {
        contributes,
        instances: 'many',
      }),
    ],
  })
  api = createApi(server.url)
  await until(async () => expect((await read(id)).notifications.pending).toBe(0))
})
