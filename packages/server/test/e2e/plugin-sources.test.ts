import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { unpackArchive } from '@patchbay/plugin-host/packages/unpack'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { packFeed } from '../harness/packed-plugin.ts'
import { makeDataFolder } from '../harness/server-process.ts'

let data: Awaited<ReturnType<typeof makeDataFolder>>
let server: InProcess
let api: Api
const plugin = '/api/v1/plugins/acme-feed'

const start = async (env: Record<string, string> = {}): Promise<void> => {
  server = await startInProcess({ data: data.path, bundled: [], env })
  api = createApi(server.url)
}
const said = async (): Promise<any> => (await fetch(`${server.url}/x/acme-feed`)).json()

beforeEach(async () => {
  data = await makeDataFolder()
})
afterEach(async () => {
  await server.close()
  await data.remove()
})

describe('a plugin by its npm name', () => {
  let registry: Server
  let elsewhere: Server
  let base: string
  const archive = packFeed({ version: '1.2.0' })
  const old = packFeed({ version: '1.1.0' })
  const sha512 = (bytes: Buffer): string => `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  const listen = async (of: Server): Promise<string> => {
    await new Promise<void>((resolve) => of.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(of.address() as AddressInfo).port}`
  }

  beforeAll(async () => {
    elsewhere = createServer((_request, response) => response.end(archive))
    const other = await listen(elsewhere)
    const versions = () => ({
      '1.1.0': { dist: { tarball: `${base}/old.tgz`, integrity: sha512(old) } },
      '1.2.0': { dist: { tarball: `${base}/new.tgz`, integrity: `sha1-abc ${sha512(archive)}` } },
      '1.3.0': { dist: { tarball: `${base}/new.tgz`, integrity: sha512(old) } },
      '1.4.0': { dist: { tarball: `${base}/new.tgz`, shasum: 'abc' } },
      '1.5.0': { dist: { tarball: `${other}/new.tgz`, integrity: sha512(archive) } },
      '1.6.0': { dist: { tarball: `${base}/moved.tgz`, integrity: sha512(archive) } },
    })
    registry = createServer((request, response) => {
      if (request.url === '/@acme%2facme-feed')
        return response.end(JSON.stringify({ 'dist-tags': { latest: '1.2.0' }, versions: versions() }))
      if (request.url === '/new.tgz') return response.end(archive)
      if (request.url === '/old.tgz') return response.end(old)
      if (request.url === '/moved.tgz') return response.writeHead(302, { location: `${other}/new.tgz` }).end()
      return response.writeHead(404).end()
    })
    base = await listen(registry)
  })
  afterAll(() => {
    registry.close()
    elsewhere.close()
  })

  test('is taken from the registry, the latest or an exact version, and checked', async () => {
    await start({ PATCHBAY_PLUGIN_REGISTRY: base })
    const first = await api.post('/api/v1/plugins', { npm: '@acme/acme-feed', version: '1.1.0' })
    expect([first.status, first.body.version, first.body.approval]).toEqual([202, '1.1.0', 'pending'])
    const latest = await api.post('/api/v1/plugins?approve=true', { npm: '@acme/acme-feed' })
    expect([latest.status, latest.body.version, latest.body.approval]).toEqual([202, '1.2.0', 'given'])

    for (const [body, says] of [
      [{ npm: '@acme/acme-feed', version: '1.3.0' }, 'not the one that its SHA-512 stands for'],
      [{ npm: '@acme/acme-feed', version: '1.4.0' }, 'no SHA-512'],
      [{ npm: '@acme/acme-feed', version: '1.5.0' }, 'lies elsewhere'],
      [{ npm: '@acme/acme-feed', version: '1.6.0' }, 'fetch failed'],
      [{ npm: '@acme/acme-feed', version: '^1.0.0' }, 'no exact version'],
      [{ npm: '@acme/acme-feed', version: '9.0.0' }, 'no version 9.0.0'],
      [{ npm: '@acme/other' }, 'answered 404'],
      [{ npm: '../etc/passwd' }, 'no name of a package'],
    ] as const) {
      const { status, body: answer } = await api.post('/api/v1/plugins', body)
      expect([status, answer.code]).toEqual([502, 'PACKAGE_REGISTRY_FAILED'])
      expect(answer.detail).toContain(says)
    }
  })
})

test('without a registry a name is refused, and the refusal names the setting', async () => {
  await start()
  const { status, body } = await api.post('/api/v1/plugins', { npm: '@acme/acme-feed' })
  expect([status, body.code]).toEqual([502, 'PACKAGE_REGISTRY_FAILED'])
  expect(body.detail).toContain('PATCHBAY_PLUGIN_REGISTRY')
})

describe('a packed plugin that is put into the folder', () => {
  test('waits for approval, before the start and after; one that is refused is renamed', async () => {
    const folder = join(data.path, 'plugins')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'acme-feed-1.0.0.tgz'), packFeed())
    await writeFile(join(folder, 'broken.tgz'), 'no archive')
    await start()
    await expect.poll(async () => (await api.get(plugin)).body.state, { timeout: 8000 }).toBe('staged')
    expect((await api.post(`${plugin}/approve`, { version: '1.0.0' })).status).toBe(200)
    await writeFile(join(folder, 'acme-feed-1.1.0.tgz'), packFeed({ version: '1.1.0' }))
    await expect.poll(async () => (await api.get(plugin)).body.staged?.version, { timeout: 8000 }).toBe('1.1.0')
    await expect.poll(() => readdir(folder), { timeout: 8000 }).toEqual(['broken.tgz.refused'])
    expect(server.lines.some((line) => line.includes('broken.tgz') && line.includes('PACKAGE_MALFORMED'))).toBe(true)
  })
})

describe('a linked plugin', () => {
  test('runs from its author’s folder, anew after each change, and a broken change leaves the one before', async () => {
    const folder = join(data.path, 'mine')
    await mkdir(folder)
    await unpackArchive(packFeed(), folder)
    await start({ PATCHBAY_PLUGIN_LINKS: folder })
    await expect.poll(async () => (await api.get(plugin)).body.tier, { timeout: 8000 }).toBe('linked')
    const make = () => api.put(`${plugin}/instances/default`, { config: { channel: 'pressure' } })
    await expect.poll(async () => (await make()).body.state, { timeout: 8000 }).toBe('running')
    expect((await said()).version).toBe('1.0.0')

    const next = join(data.path, 'next')
    await mkdir(next)
    await unpackArchive(packFeed({ version: '1.0.1-dev' }), next)
    const began = performance.now()
    await writeFile(join(folder, 'dist/index.js'), await readFile(join(next, 'dist/index.js')))
    await expect.poll(async () => (await said()).version, { timeout: 15_000, interval: 10 }).toBe('1.0.1-dev')
    console.log(`linked plugin: reloaded ${Math.round(performance.now() - began)} ms after the save`)

    await writeFile(join(folder, 'dist/index.js'), 'this is no JavaScript')
    await expect
      .poll(() => server.lines.some((line) => line.includes('a linked plugin was not taken')), { timeout: 8000 })
      .toBe(true)
    expect((await said()).version).toBe('1.0.1-dev')
    await expect.poll(() => readdir(join(data.path, 'plugin-links')), { timeout: 8000 }).toHaveLength(1)
  })
})
