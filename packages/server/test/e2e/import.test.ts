import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { createDeviceHttp } from '../harness/mqtt-client.ts'
import { testKey } from '../harness/server-process.ts'

let server: InProcess
let api: Api

const send = async (csv: string) => {
  const answer = await fetch(`${server.url}/api/v1/devices/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'text/csv' },
    body: csv,
  })
  return { status: answer.status, body: (await answer.json()) as any }
}

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

test('a CSV makes a device of each good line and reports each bad one with its line', async () => {
  await api.post('/api/v1/types', { id: 'boiler' })
  const { status, body } = await send(
    [
      '\uFEFFid,name,type,tags',
      'b-1,"Boiler, first",boiler,cellar;old',
      'b-2,,,',
      'bad id!,x,,',
      'b-3,x,no-such-type,',
      '',
      'b-1,again,,',
      ',nameless,,',
      'key,reserved,,',
    ].join('\r\n'),
  )
  expect(status).toBe(200)
  expect(body.items.map(({ line, id, ok, code }: any) => [line, id, ok, code])).toEqual([
    [2, 'b-1', true, undefined],
    [3, 'b-2', true, undefined],
    [4, 'bad id!', false, 'FIELD_INVALID'],
    [5, 'b-3', false, 'TYPE_UNKNOWN'],
    [7, 'b-1', false, 'ALREADY_EXISTS'],
    [8, expect.any(String), true, undefined],
    [9, 'key', false, 'FIELD_INVALID'],
  ])
  expect((await api.get('/api/v1/devices/b-1')).body).toMatchObject({
    name: 'Boiler, first',
    type: 'boiler',
    tags: ['cellar', 'old'],
  })
  const { username, password } = body.items[1].credentials
  const http = createDeviceHttp(server.url, { id: username, secret: password })
  expect((await http('devices/b-2/telemetry', { a: 1 })).status).toBe(204)
  expect((await api.get('/api/v1/devices?tag=cellar')).body.items).toHaveLength(1)
  expect((await api.get('/api/v1/devices?search=first')).body.items).toHaveLength(1)
})

test('what is no CSV of devices is refused whole', async () => {
  expect((await send('id,colour\nx,red')).body).toMatchObject({
    status: 422,
    detail: expect.stringContaining('colour'),
  })
  expect((await send('id,name\n"unclosed')).status).toBe(422)
  expect((await send('id,name\nx,y,z')).status).toBe(422)
  const json = await api.post('/api/v1/devices/import', { id: 'x' })
  expect(json.status).toBeGreaterThanOrEqual(400)
  expect((await api.get('/api/v1/devices/x')).status).toBe(404)
})

test('a thousand lines are made within a few seconds', async () => {
  const lines = Array.from({ length: 1000 }, (_, n) => `many-${n}`)
  const { body } = await send(['id', ...lines].join('\n'))
  expect(body.items.filter(({ ok }: { ok: boolean }) => ok)).toHaveLength(1000)
  const page = await api.get('/api/v1/devices?search=many-&limit=200&sort=-id')
  expect(page.body.items).toHaveLength(200)
  expect(page.body.items[0].id).toBe('many-999')
})
