import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definePlugin, type Feed, field } from '@patchbay/sdk'
import { compileMapping, createIntake, type Intake, mappingFields } from '@patchbay/sdk/source'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { bundlePlugin } from '../harness/bundled-plugin.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
let api: Api
let folder: string
let intake: Intake
let feed: Feed

/** A source that is given its messages by the test. */
const dripping = definePlugin({
  config: { ...mappingFields, speed: field.integer({ default: 1 }) },
  setup(ctx) {
    feed = ctx.source('drip', { retake: (item) => intake.retake(item) })
    intake = createIntake({
      protocol: 'drip',
      mapping: compileMapping(ctx.config),
      sessions: ctx.sessions,
      feed: () => feed,
      stop: ctx.signal,
      trouble: () => undefined,
    })
  },
})
const instance = '/api/v1/plugins/source-drip/instances/main'
let next = 0
const drip = (...bodies: unknown[]) =>
  intake.take(
    bodies.map((body) => {
      const n = next++
      return {
        id: `drip:${n}`,
        where: `drip@${n}`,
        topic: 'drip',
        key: undefined,
        headers: new Map(),
        at: Date.now() * 1000 + n,
        bytes: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
        isNamed: true,
      }
    }),
  )

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-sources-'))
  server = await startInProcess({
    bundled: [
      await bundlePlugin(folder, 'source-drip', dripping, {
        instances: 'many',
        contributes: { sources: [{ name: 'drip', title: 'Drip' }] },
        needs: { services: ['sessions', 'devices'] },
      }),
    ],
  })
  api = createApi(server.url)
  expect((await api.put(instance, { config: {} })).status).toBe(200)
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const told = async (rule: string): Promise<string[]> => {
  const { body } = await api.get(`/api/v1/alerts?rule=${rule}`)
  return body.items.map(({ device, state, severity }: Record<string, string>) => `${device} ${state} ${severity}`)
}

test('a device behind another system is seen, ruled and alerted', async () => {
  await createDevice(api, 'far-1')
  const { body } = await api.post('/api/v1/rules', {
    name: 'Hot',
    scope: { devices: ['far-1'] },
    levels: [{ severity: 'critical', when: 'temperature > 90.0' }],
  })
  await drip({ device: 'far-1', temperature: 95 })
  expect((await api.get('/api/v1/devices/far-1/latest')).body).toMatchObject({ temperature: { value: 95 } })
  await vi.waitFor(async () => expect(await told(body.id)).toEqual(['far-1 open critical']))
  await drip({ device: 'far-1', temperature: 20 })
  await vi.waitFor(async () => expect(await told(body.id)).toEqual(['far-1 resolved critical']))
  expect((await api.get('/api/v1/devices/far-1')).body.status).toBe('online')
})

test('what is refused is seen by cause, mended and taken again; an unknown device is made when it was said', async () => {
  await drip('{"device": "far-1", ', { device: 'far-2', temperature: 1 })
  const { body } = await api.get(instance)
  expect(body).toMatchObject({
    refused: 2,
    feedStatus: { deadLetters: 2, unkept: 0 },
    lastError: { at: expect.any(String) },
  })
  const letters = `${instance}/dead-letters`
  const { items } = (await api.get(letters)).body
  expect(items).toMatchObject([
    { reply: expect.stringContaining('no JSON'), item: { value: '{"device": "far-1", ', where: expect.any(String) } },
    { reply: expect.stringContaining('No device with this id') },
  ])
  expect((await api.get('/api/v1/refusals')).body.items).toEqual(
    expect.arrayContaining([expect.objectContaining({ protocol: 'drip', action: 'receive', step: 'mapping' })]),
  )
  expect((await api.post(`${letters}/redrive`, { all: true })).body).toMatchObject({ delivered: 0, refused: 2 })
  await api.patch(`${letters}/${encodeURIComponent(items[0].id)}`, {
    item: { value: '{"device":"far-1","pressure":2}' },
  })
  await createDevice(api, 'far-2')
  expect((await api.post(`${letters}/redrive`, { all: true })).body).toMatchObject({
    delivered: 2,
    refused: 0,
    left: 0,
  })
  expect((await api.get('/api/v1/devices/far-1/latest')).body).toMatchObject({ pressure: { value: 2 } })
  expect((await api.get(instance)).body.feedStatus.deadLetters).toBe(0)

  await api.put(instance, { config: { createDevices: { type: 'default', tags: 'line-{/line}' } } })
  await drip({ device: 'far-3', line: 7, temperature: 1 })
  expect((await api.get('/api/v1/devices/far-3')).body).toMatchObject({ type: 'default', tags: ['line-7'] })
  const { items: trail } = (await api.get('/api/v1/audit')).body
  expect(trail).toEqual(
    expect.arrayContaining([expect.objectContaining({ actor: 'plugin:source-drip/main', target: 'far-3' })]),
  )
  await api.put(instance, { config: { createDevices: { type: 'nothing', tags: '' } } })
  await drip({ device: 'far-4', temperature: 1 })
  expect((await api.get(letters)).body.items).toMatchObject([{ reply: expect.stringContaining('type') }])
})

test('its lag is told, in the metrics, and over time', async () => {
  feed.report({ lag: { records: 7, seconds: 1.5 } })
  await vi.waitFor(async () => expect((await api.get(instance)).body.lag).toEqual({ records: 7, seconds: 1.5 }))
  const { body: metrics } = await api.get('/metrics')
  expect(metrics).toContain('patchbay_feed_lag_records{plugin="source-drip",instance="main"} 7')
  expect((await api.get(`${instance}/lag`)).body).toEqual({ everySeconds: 10, items: expect.any(Array) })
  expect((await api.post(`${instance}/replay`, { from: 'now' })).status).toBe(404)
})

test('a removed instance leaves nothing behind', async () => {
  expect((await api.delete(instance)).status).toBe(204)
  expect(await server.platform.stores.registry.count('dead_letters')).toBe(0)
})
