import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definePlugin, field, type WriteAnswer } from '@patchbay/sdk'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { bundledPlugins } from '../../src/parts/bundled-plugins.ts'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { bundlePlugin } from '../harness/bundled-plugin.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
let api: Api
let folder: string
let device: TestDevice

/** Refuses what is hot, and everything while it is told to be away. */
let away = false
const taken: number[] = []
const fussy = definePlugin({
  config: { limit: field.number({ default: 90 }) },
  setup(ctx) {
    ctx.sink('fussy', {
      async write(records): Promise<WriteAnswer> {
        if (away) return { outcome: 'retry', reply: 'gone fishing' }
        const hot = records.find(({ values }) => Number(values['temperature']) > ctx.config.limit)
        if (hot) return { outcome: 'refused', reply: `${Number(hot.values['temperature'])} is too hot` }
        taken.push(...records.map(({ values }) => Number(values['temperature'])))
        return { outcome: 'delivered' }
      },
    })
  },
})

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-sinks-'))
  server = await startInProcess({
    bundled: [
      ...bundledPlugins.filter(({ manifestFile }) => /adapter-http|sink-file/.test(String(manifestFile))),
      await bundlePlugin(folder, 'sink-fussy', fussy, {
        instances: 'many',
        contributes: { sinks: [{ name: 'fussy', title: 'Fussy' }] },
      }),
    ],
  })
  api = createApi(server.url)
  await api.put('/api/v1/plugins/adapter-http/instances/default', { config: {} })
  device = await createDevice(api, 'boiler-1')
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const send = async (values: object): Promise<void> => {
  const { status } = await fetch(`${server.url}/v1/devices/${device.id}/telemetry`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${device.id}:${device.secret}`)}`, 'content-type': 'application/json' },
    body: JSON.stringify(values),
  })
  expect(status).toBe(204)
}
const instance = (plugin: string, name = 'main'): string => `/api/v1/plugins/${plugin}/instances/${name}`

test('readings reach a file, and the instance says how far it is', async () => {
  const { status, body } = await api.put(instance('sink-file'), { delivery: { wait: '10ms' }, config: {} })
  expect([status, body.state]).toEqual([200, 'running'])
  await send({ ts: 1_764_000_000_000, values: { temperature: 21.5, open: true } })
  const file = join(server.data, 'plugins/sink-file/main/current.jsonl')
  await vi.waitFor(async () => expect(await readFile(file, 'utf8')).not.toBe(''))
  expect(await readFile(file, 'utf8')).toBe(
    '{"device":"boiler-1","at":"2025-11-24T16:00:00.000Z","values":{"temperature":21.5,"open":true}}\n',
  )
  await vi.waitFor(async () =>
    expect((await api.get(instance('sink-file'))).body).toMatchObject({
      lag: { records: 0, seconds: 0 },
      sent: 1,
      refused: 0,
      deliveryStatus: { state: 'current', deadLetters: 0, gone: 0 },
    }),
  )
  expect((await api.get('/metrics')).body).toContain('patchbay_delivery_sent{plugin="sink-file",instance="main"} 1')
})

test('its test writes and reads a probe of values that are not saved', async () => {
  const { body } = await api.post(`${instance('sink-file')}/test`, { config: { format: 'csv' } })
  expect(body).toMatchObject({ ok: true, reply: expect.stringContaining('Wrote and read') })
})

test('what cannot be selected is refused with its path, and so is a selection for what is no sink', async () => {
  const put = (plugin: string, more: object) => api.put(instance(plugin, 'other'), { config: {}, ...more })
  expect((await put('sink-file', { select: { when: 'temperature >' } })).body).toMatchObject({
    status: 422,
    errors: [{ path: '/select/when' }],
  })
  expect((await put('sink-file', { delivery: { from: 'yesterday' } })).body.errors[0].path).toBe('/delivery/from')
  expect((await put('adapter-http', { select: {} })).status).toBe(422)
  expect((await api.get(instance('sink-file', 'other'))).status).toBe(404)
})

test('an outage is told and made good; what is refused is seen by cause, edited, sent again and dropped', async () => {
  await api.put(instance('sink-fussy'), {
    select: { when: 'temperature > 50.0' },
    delivery: { wait: '10ms' },
    config: {},
  })
  await vi.waitFor(async () => expect((await api.get(instance('sink-fussy'))).body.sent).toBe(0))
  away = true
  for (const temperature of [60, 95, 61, 96, 40, 62]) await send({ temperature })
  await vi.waitFor(async () =>
    expect((await api.get(instance('sink-fussy'))).body).toMatchObject({
      state: 'degraded',
      status: { text: 'gone fishing' },
      lastError: { text: 'gone fishing' },
      deliveryStatus: { state: 'retrying' },
    }),
  )
  away = false
  await vi.waitFor(() => expect(taken).toEqual([60, 61, 62]), { timeout: 5000 })
  await vi.waitFor(async () =>
    expect((await api.get(instance('sink-fussy'))).body).toMatchObject({ state: 'running', sent: 3, refused: 2 }),
  )

  const letters = `${instance('sink-fussy')}/dead-letters`
  const { items: causes } = (await api.get(`${letters}/causes`)).body
  expect(causes).toMatchObject([{ count: 2, reply: '96 is too hot' }])
  const { items } = (await api.get(`${letters}?cause=${causes[0].cause}&limit=1`)).body
  expect(items).toMatchObject([{ reply: '95 is too hot', tries: 1, item: { device: 'boiler-1' } }])
  const edited = await api.patch(`${letters}/${items[0].id}`, { item: { values: { temperature: 80 } } })
  expect(edited.body).toMatchObject({ edited: true, item: { values: { temperature: 80 } } })
  expect((await api.post(`${letters}/redrive`, { all: true })).body).toMatchObject({
    delivered: 1,
    refused: 1,
    left: 0,
  })
  expect(taken.at(-1)).toBe(80)
  expect((await api.post(`${letters}/drop`, { cause: causes[0].cause })).body).toEqual({ dropped: 1 })
  expect((await api.get(letters)).body).toEqual({ items: [] })
  expect((await api.post(`${letters}/drop`, {})).status).toBe(422)
})

test('a replay sends it again from a time on; a removed instance leaves nothing behind', async () => {
  const before = taken.length
  expect((await api.post(`${instance('sink-fussy')}/replay`, { from: 'beginning' })).status).toBe(202)
  await vi.waitFor(() => expect(taken.slice(before)).toEqual([60, 61, 62]))
  await vi.waitFor(async () =>
    expect((await api.get(instance('sink-fussy'))).body.deliveryStatus).toMatchObject({ deadLetters: 2 }),
  )
  expect((await api.delete(instance('sink-fussy'))).status).toBe(204)
  expect(await server.platform.stores.registry.count('dead_letters')).toBe(0)
  await api.put(instance('sink-fussy'), { config: {} })
  await vi.waitFor(async () =>
    expect((await api.get(instance('sink-fussy'))).body).toMatchObject({ sent: 0, refused: 0 }),
  )
})

test('only those with the right may change it', async () => {
  const anonymous = createApi(server.url, 'nobodys'.padEnd(40, 'x'))
  expect((await anonymous.get(`${instance('sink-file')}/dead-letters`)).status).toBe(401)
  expect((await anonymous.post(`${instance('sink-file')}/replay`, { from: 'now' })).status).toBe(401)
  expect((await api.get(`${instance('adapter-http', 'default')}/dead-letters`)).status).toBe(404)
})
