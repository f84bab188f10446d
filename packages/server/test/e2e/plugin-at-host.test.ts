import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { definePlugin, field } from '@patchbay/sdk'
import { toConfigSchemaFile } from '@patchbay/plugin-host/manifest/check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { type FeedOptions, packFeed, uploadPlugin } from '../harness/packed-plugin.ts'
import { testKey } from '../harness/server-process.ts'

// What gateway-mqtt and the adapters of the one port are made of, used by somebody else's plugin.
const services = ['sessions', 'door', 'secrets', 'callers']
const schemaOf = (schema: object) => ({ 'config.schema.json': toConfigSchemaFile(schema as never) })
const config = definePlugin({ config: { port: field.integer() }, setup: () => undefined })

const codeOf = (configSchema: unknown) => `
import { isMainThread } from 'node:worker_threads'
export default {
  [Symbol.for('patchbay.plugin')]: true,
  configSchema: ${JSON.stringify(configSchema)},
  migrate: {},
  setup(ctx) {
    ctx.http(async (app) => {
      app.get('/x/acme-feed/seal', async () => {
        const sealed = ctx.secrets.seal('words of mine')
        return { isMainThread, sealed, opened: ctx.secrets.open(sealed), plain: ctx.door.permitsPlain('127.0.0.1') }
      })
      app.get('/x/acme-feed/may', async (request) => ({
        read: await ctx.callers.may(request.raw, 'devices.read'),
      }))
    })
    ctx.match('acme', (bytes) => (bytes[0] === 0x21 ? 'mine' : 'no'), ({ socket }) => socket.end('at the one port'))
    ctx.listen({ name: 'acme', port: ctx.config.port, tls: 'never' }, (connection) => {
      connection.socket.once('readable', () => {
        if (!ctx.door.handOver(connection)) connection.socket.destroy()
      })
    })
    ctx.upgrade('/x/acme-feed/socket', (_request, { socket }) => socket.end('HTTP/1.1 101 upgraded\\r\\n\\r\\n'))
  },
}
`
const gate = (more: FeedOptions = {}, schema: { configSchema: object } = config) =>
  packFeed({
    ...more,
    manifest: { needs: { services }, ...more.manifest },
    files: { 'dist/index.js': codeOf(schema.configSchema), ...schemaOf(schema), ...more.files },
  })

let server: InProcess
let api: Api
const plugin = '/api/v1/plugins/acme-feed'
const instance = `${plugin}/instances/default`
const upload = (archive: Uint8Array, query = '') => uploadPlugin(server.url, testKey, archive, query)
const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
const say = async (port: number, bytes: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  let heard = ''
  for await (const chunk of socket) heard += chunk
  return heard
}

beforeAll(async () => {
  server = await startInProcess({ bundled: [] })
  api = createApi(server.url)
})
afterAll(() => server.close())

describe('a third party’s plugin that needs what exists at host level only', () => {
  test('is refused when its manifest asks for less, since it could never have it', async () => {
    const answer = await upload(gate({ manifest: { isolation: { least: 'worker' } } }))
    expect([answer.status, answer.body.code]).toEqual([422, 'PACKAGE_RULE_BROKEN'])
    expect(answer.body.detail).toContain('the service door, which exists at host level only')
  })

  test('waits until an admin approves it at host level in so many words', async () => {
    const { body } = await upload(gate())
    expect(body.needs).toMatchObject({ services, isolation: 'host' })
    const refused = await api.post(`${plugin}/approve`, { version: '1.0.0' })
    expect([refused.status, refused.body.code]).toEqual([409, 'PACKAGE_NEEDS_HOST'])
    expect(refused.body.detail).toContain('door, secrets, callers')
    expect((await api.post(`${plugin}/approve`, { version: '1.0.0', isolation: 'worker' })).status).toBe(409)
    expect((await api.get(plugin)).body.state).toBe('staged')
    const approved = await api.post(`${plugin}/approve`, { version: '1.0.0', isolation: 'host' })
    expect(approved.body).toMatchObject({ state: 'ready', level: 'host', bundled: false, release: { host: true } })
  })

  test('has all of it then: door, secrets, callers, the one port and upgrades', async () => {
    const port = await freePort()
    expect((await api.put(instance, { config: { port } })).body.state).toBe('running')
    const seal: any = await (await fetch(`${server.url}/x/acme-feed/seal`)).json()
    expect(seal).toMatchObject({ isMainThread: true, opened: 'words of mine', plain: true })
    expect(seal.sealed).not.toContain('words')
    const may = async (headers: Record<string, string>) =>
      (await fetch(`${server.url}/x/acme-feed/may`, { headers })).json()
    expect(await may({ authorization: `Bearer ${testKey}` })).toEqual({ read: true })
    expect(await may({})).toEqual({ read: false })
    expect(await say(server.port, '!')).toBe('at the one port')
    const request = 'GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'
    expect(await say(port, request)).toMatch(/^HTTP\/1.1 200 /)
    const upgrade = 'GET /x/acme-feed/socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: acme\r\n\r\n'
    expect(await say(server.port, upgrade)).toContain('101 upgraded')
  })

  test('cannot be taken back to a worker while it needs the host: only disabled or removed', async () => {
    const { status, body } = await api.post(`${plugin}/approve`, { version: '1.0.0', isolation: 'worker' })
    expect([status, body.code]).toEqual([409, 'PACKAGE_NEEDS_HOST'])
    expect((await api.get(plugin)).body).toMatchObject({ level: 'host', release: { host: true } })
    expect((await api.get(instance)).body.state).toBe('running')
  })

  test('keeps its level in an upgrade that wants no more, and loses it when an admin says so', async () => {
    expect((await upload(gate({ version: '1.1.0' }), '?approve=true')).body.approval).toBe('given')
    expect((await api.get(plugin)).body).toMatchObject({ version: '1.1.0', level: 'host' })
    const tame = { needs: { services: ['sessions'] } }
    await upload(gate({ version: '1.2.0', manifest: tame }))
    expect((await api.post(`${plugin}/rollback`)).body).toMatchObject({ version: '1.0.0', level: 'host' })
    await api.delete(plugin)
    await upload(gate({ version: '1.2.0', manifest: tame }), '?approve=true')
    expect((await api.get(plugin)).body).toMatchObject({ level: 'worker' })
    // Its code uses what its level has not: it says so instead of half a life.
    const { body } = await api.put(instance, { config: { port: 0 } })
    expect(body.status).toMatchObject({
      code: 'PLUGIN_LEVEL',
      text: expect.stringContaining('approve it at host level'),
    })
    await api.delete(plugin)
  })

  test('is given another level while it runs, and each time an admin says so', async () => {
    await upload(packFeed({ version: '1.0.0' }), '?approve=true')
    expect((await api.put(instance, { config: {} })).body.state).toBe('running')
    expect((await api.get(plugin)).body).toMatchObject({ level: 'worker' })
    const same = await api.post(`${plugin}/approve`, { version: '1.0.0' })
    expect([same.status, same.body.code], 'nothing waits and nothing was said').toEqual([409, 'PACKAGE_NOT_STAGED'])
    const given = await api.post(`${plugin}/approve`, { version: '1.0.0', isolation: 'host' })
    expect(given.body).toMatchObject({ level: 'host', release: { version: '1.0.0', host: true } })
    expect((await api.get(instance)).body.state).toBe('running')
    const withdrawn = await api.post(`${plugin}/approve`, { version: '1.0.0', isolation: 'worker' })
    expect(withdrawn.body.level).toBe('worker')
    expect(withdrawn.body.release.host).toBeUndefined()
    expect(withdrawn.body.previous, 'the same version is no version before').toBeUndefined()
    expect((await api.get(instance)).body.state).toBe('running')
    const { items } = (await api.get('/api/v1/audit')).body
    expect(JSON.stringify(items[0])).toContain('worker')
    await api.delete(plugin)
  })

  test('cannot be approved at host level where its manifest does not ask for it', async () => {
    await upload(packFeed({ manifest: { isolation: { least: 'worker' } } }))
    const { body } = await api.post(`${plugin}/approve`, { version: '1.0.0', isolation: 'host' })
    expect(body.code).toBe('PACKAGE_HOST_NOT_ASKED')
    await api.delete(`${plugin}/staged`)
  })

  test('cannot read the settings of the environment by its fields, at host level either', async () => {
    const spying = definePlugin({ config: { port: field.integer({ setting: 'PATCHBAY_MQTT_PORT' }) }, setup() {} })
    await upload(gate({}, spying))
    const { status, body } = await api.post(`${plugin}/approve`, { version: '1.0.0', isolation: 'host' })
    expect([status, body.code]).toEqual([422, 'PLUGIN_LOAD_FAILED'])
    expect(body.detail).toContain('x-setting')
  })
})
