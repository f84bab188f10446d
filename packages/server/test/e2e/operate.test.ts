import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { restoreBackup } from '../../src/backup/restore.ts'
import { diagnosticsCommand } from '../../src/operate/diagnostics.ts'
import { readSettings } from '../../src/settings/settings.ts'
import { openSqliteRegistry } from '../../src/stores/sqlite/registry.ts'
import { type Api, createApi } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

const key = 'planted-api-key-0123456789-0123456789-abcdef'
const masterKey = Buffer.from('planted master key of 32 bytes!!').toString('base64')
const planted = {
  PATCHBAY_API_KEY: key,
  PATCHBAY_MASTER_KEY: masterKey,
  PATCHBAY_ADMIN_USER: 'ada',
  PATCHBAY_ADMIN_PASSWORD: 'planted-admin-password',
  PATCHBAY_BACKUP_PASSPHRASE: 'planted-backup-passphrase',
}
const hookSecret = `whsec_${Buffer.from('planted-hook-secret').toString('base64')}`
const headerSecret = 'planted-header-secret'
let server: InProcess
let folder: string
let backups: string
let api: Api
const list = async () => (await api.get('/api/v1/system/backups')).body.items

/** Everything in the archive as one text, and the names in it. */
const open = (archive: Uint8Array) => {
  const tar = gunzipSync(archive)
  const names: string[] = []
  for (let at = 0; at < tar.length && tar[at] !== 0;) {
    names.push(tar.toString('latin1', at, at + 100).replace(/\0.*$/s, ''))
    at += 512 + Math.ceil(Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8) / 512) * 512
  }
  return { names: names.map((name) => name.replace('patchbay-diagnostics/', '')), text: tar.toString('utf8') }
}

const assertNoSecret = (text: string, more: readonly string[] = []) => {
  for (const secret of [...Object.values(planted).filter((each) => each !== 'ada'), hookSecret, headerSecret, ...more])
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
      expect(text.includes(form), form).toBe(false)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-operate-'))
  backups = join(folder, 'backups')
  server = await startInProcess({ env: { ...planted, PATCHBAY_BACKUPS: backups } })
  api = createApi(server.url, key)
}, 40_000)
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

test('the archive has versions, settings, state, metrics and log lines, and none of the secrets', async () => {
  const channel = {
    name: 'hook',
    plugin: 'alert-webhook',
    config: { url: 'https://example.org/h', secret: hookSecret, headers: [{ name: 'x-key', value: headerSecret }] },
  }
  await vi.waitFor(async () => expect((await api.post('/api/v1/channels', channel)).status).toBe(201), 20_000)
  const device = (await api.post('/api/v1/devices', { id: 'boiler-1' })).body.credentials.password
  // As a library might: it knows of no secrets.
  const careless = [key, hookSecret, headerSecret, planted.PATCHBAY_ADMIN_PASSWORD, Buffer.from(key).toString('base64')]
  for (const secret of careless) server.lines.push(`{"msg":"cannot reach https://u:${secret}@h/?x=${secret}"}\n`)
  server.lines.push('{"msg":"amqp://user:planted-elsewhere@host is away"}\n')

  await api.patch('/api/v1/system/settings', { PATCHBAY_TLS_NAMES: 'pi.local' })
  const response = await fetch(`${server.url}/api/v1/system/diagnostics`, {
    headers: { authorization: `Bearer ${key}` },
  })
  expect(response.headers.get('content-type')).toBe('application/gzip')
  const { names, text } = open(new Uint8Array(await response.arrayBuffer()))
  expect(names).toEqual([
    'README.txt',
    'about.json',
    'settings.json',
    'doctor.json',
    'files.json',
    ...['readiness', 'listeners', 'storage', 'jobs', 'plugins'].map((name) => `state/${name}.json`),
    'metrics.txt',
    'log.txt',
  ])
  assertNoSecret(text, [device, 'planted-elsewhere'])
  expect(text).toContain('"PATCHBAY_API_KEY": "[set]"')
  expect(text).toContain('"PATCHBAY_PORT": 0')
  expect(text).toContain('"PATCHBAY_TLS_NAMES": "pi.local"')
  expect(text).toMatch(/process_cpu_user_seconds_total|nodejs_/)
  expect(text).toContain('amqp://[secret]@host is away')
  expect(text).toContain('"check": "data folder"')
  expect(text).toMatch(/"id": "alert-webhook"[^]*"name": "hook"/)
  expect(text).toContain('registry.sqlite')
})

test('it is given only to who may read the trail, too', async () => {
  await api.post('/api/v1/roles', { id: 'looker', permissions: ['system.read'] })
  const { key: weak } = (await api.post('/api/v1/api-keys', { name: 'looker', role: 'looker' })).body
  expect((await createApi(server.url, weak).get('/api/v1/system/diagnostics')).status).toBe(403)
})

test('the command writes it, of a platform that runs and of one that does not', async () => {
  const print = () => undefined
  const running = join(folder, 'running.tar.gz')
  const env = { ...planted, PATCHBAY_DATA: server.data, PATCHBAY_PORT: String(server.port) }
  expect(await diagnosticsCommand.run([running], { env, print })).toMatchObject({ code: 0 })
  const bytes = await readFile(running)
  expect(open(bytes).names).toContain('log.txt')
  assertNoSecret(open(bytes).text)
  await expect(diagnosticsCommand.run([running], { env, print })).rejects.toMatchObject({ code: 'EEXIST' })

  // Where the console moved it to is where it is looked for.
  const stored = join(server.data, 'settings.json')
  await writeFile(stored, JSON.stringify({ PATCHBAY_PORT: String(server.port) }))
  const moved = join(folder, 'moved.tar.gz')
  await diagnosticsCommand.run([moved], { env: { ...env, PATCHBAY_PORT: '' }, print })
  expect(open(await readFile(moved)).names).toContain('log.txt')
  await rm(stored)

  const off = join(folder, 'off.tar.gz')
  const done = await diagnosticsCommand.run([off], { env: { ...env, PATCHBAY_PORT: '0' }, print })
  expect(done?.text).toContain('No Patchbay answers here')
  const { names, text } = open(await readFile(off))
  expect(names).toEqual(['README.txt', 'about.json', 'settings.json', 'doctor.json', 'files.json'])
  assertNoSecret(text)
})

test('a backup of the running platform is made, listed, restored into another folder, and removed', async () => {
  expect(await list()).toEqual([])
  expect((await api.post('/api/v1/devices', { id: 'before' })).status).toBe(201)
  const begun = await api.post('/api/v1/system/backups')
  expect(begun).toMatchObject({ status: 202, body: { id: expect.stringMatching(/^\d{8}T\d{6}Z$/), state: 'running' } })
  const { id } = begun.body
  expect(await api.post('/api/v1/system/backups')).toMatchObject({ status: 409, body: { code: 'BACKUP_RUNNING' } })
  expect((await api.delete(`/api/v1/system/backups/${id}`)).status).toBe(404)
  await vi.waitFor(async () => expect((await list())[0]?.state).toBe('done'), 20_000)
  expect(await list()).toEqual([
    {
      id,
      state: 'done',
      at: expect.any(String),
      bytes: expect.any(Number),
      files: expect.any(Number),
      version: '0.1.0',
      encrypted: true,
      masterKey: false,
    },
  ])
  const restored = join(folder, 'restored')
  await restoreBackup({ from: join(backups, id), data: restored, passphrase: planted.PATCHBAY_BACKUP_PASSPHRASE })
  const registry = await openSqliteRegistry({ file: join(restored, 'registry.sqlite'), durability: 'full' })
  expect(await registry.get('devices', 'before')).toBeDefined()
  await registry.close()
  const { items } = (await api.get('/api/v1/audit')).body
  expect(items.findLast((each: { action: string }) => each.action === 'POST /api/v1/system/backups')).toMatchObject({
    target: id,
  })

  // Nothing but backups is shown or removed.
  await mkdir(join(backups, 'photos'))
  expect(await list()).toHaveLength(1)
  for (const name of ['photos', '..%2Frestored', `${id}.part`])
    expect((await api.delete(`/api/v1/system/backups/${name}`)).status).toBeGreaterThanOrEqual(400)
  expect((await api.delete(`/api/v1/system/backups/${id}`)).status).toBe(204)
  expect(await readdir(backups)).toEqual(['photos'])
}, 60_000)

test('one that fails says why, and the folder must not lie in the data folder', async () => {
  await rm(backups, { recursive: true })
  await writeFile(backups, 'a file where the folder should be')
  const begun = await api.post('/api/v1/system/backups')
  expect(begun.status).toBe(202)
  await vi.waitFor(() => expect(server.lines.join('')).toContain('a backup could not be made'), 20_000)
  await rm(backups)
  expect(await list()).toMatchObject([
    { id: begun.body.id, state: 'failed', detail: expect.stringMatching(/EEXIST|ENOTDIR/) },
  ])
  expect(() => readSettings({ PATCHBAY_DATA: folder, PATCHBAY_BACKUPS: backups })).toThrow(/lies in the data folder/)
})
