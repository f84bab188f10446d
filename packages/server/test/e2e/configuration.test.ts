import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { applyCommand, exportCommand, planCommand } from '../../src/operate/configuration.ts'
import { type Api, createApi } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { makeDataFolder } from '../harness/server-process.ts'

const secretText = 'whsec_cGxhbnRlZC1zZWNyZXQtb2YtdGhpcy1zdWl0ZQ=='
const otherSecret = 'whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhpcy1zdWl0ZQ=='
const document = `
types:
  - id: boiler
    keys: [{ key: temperature, kind: number, unit: °C }]
devices:
  - id: boiler-1
    type: boiler
    tags: [cellar]
accessRules:
  - { id: may-read, effect: allow, actions: [subscribe], filter: plant/#, scope: { types: [boiler] } }
channels:
  - name: ops
    plugin: alert-webhook
    config:
      url: https://example.org/hook
      secret: \${OPS_SECRET}
rules:
  - name: Too hot
    scope: { devices: [boiler-1] }
    levels: [{ severity: critical, when: temperature > 90.0 }]
    channels: [ops]
gateway:
  upstreams:
    - { id: brokers, type: roundrobin, nodes: { '127.0.0.1:1883': 1 } }
  stream_routes:
    - { id: all, server_port: 19999, upstream_id: brokers }
`

const apply = (api: Api, text: unknown, query = '') =>
  typeof text === 'string'
    ? fetch(`${server.url}/api/v1/apply${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/yaml', authorization: `Bearer ${key}` },
        body: text,
      }).then(async (answer) => ({ status: answer.status, body: await answer.json() }))
    : api.post(`/api/v1/apply${query}`, text)

const key = 'a-key-of-the-configuration-suite-0123456789'
let server: InProcess
let api: Api
let files: string

const file = (name: string) => join(files, name)
/** As an editor or a mounted map does it: there whole, at once. */
const put = async (name: string, text: string) => {
  await writeFile(file(`.${name}.new`), text)
  await rename(file(`.${name}.new`), file(name))
}

const start = async (folder: string, isFirst: boolean) => {
  server = await startInProcess({
    data: folder,
    configurationLookMs: 20,
    env: { PATCHBAY_API_KEY: key, PATCHBAY_CONFIG: files, FILE_SECRET: secretText, MAINS: 'mains' },
  })
  api = createApi(server.url, key)
  // On a busy machine the plugins, and with them the files, may come after the port.
  const night = async () => (await api.get('/api/v1/channels/night')).status
  if (isFirst) await vi.waitFor(async () => expect(await night()).toBe(200), 20_000)
}

let data: Awaited<ReturnType<typeof makeDataFolder>>
beforeAll(async () => {
  files = await mkdtemp(join(tmpdir(), 'patchbay-config-'))
  data = await makeDataFolder()
  await put('types.yaml', 'types: [{ id: pump, title: "${MAINS} pump, $${not}" }]')
  await put(
    'things.yml',
    'devices: [{ id: pump-1, type: pump, tags: [from-file] }]\nchannels:\n  - { name: night, plugin: alert-webhook, config: { url: https://example.org/n, secret: "${FILE_SECRET}" } }\n',
  )
  await start(data.path, true)
}, 40_000)
afterAll(async () => {
  await server.close()
  await data.remove()
  await rm(files, { recursive: true, force: true })
})

describe('a document by the API', () => {
  test('tells what would change and changes nothing, then does it, then has nothing to do', async () => {
    const filled = document.replace('${OPS_SECRET}', secretText)
    const planned = await apply(api, filled, '?dryRun=true')
    expect(planned).toMatchObject({ status: 200, body: { dryRun: true, ok: true, counts: { created: 7, same: 0 } } })
    expect(JSON.stringify(planned.body)).not.toContain(secretText)
    expect((await api.get('/api/v1/devices/boiler-1')).status).toBe(404)

    const done = await apply(api, filled)
    expect(done.body).toMatchObject({ dryRun: false, ok: true, counts: { created: 7, refused: 0 } })
    const device = done.body.items.find((each: { kind: string }) => each.kind === 'devices')
    expect(device.credentials).toMatchObject({ username: 'boiler-1', password: expect.stringMatching(/.{40}/) })
    expect((await api.get('/api/v1/devices/boiler-1')).body).toMatchObject({ type: 'boiler', tags: ['cellar'] })
    expect((await api.get('/apisix/admin/upstreams/brokers')).status).toBe(200)
    expect((await api.get('/api/v1/channels/ops')).body.config.secret).toEqual({ set: true })

    const again = await apply(api, filled)
    expect(again.body).toMatchObject({ ok: true, counts: { created: 0, changed: 0, deleted: 0, same: 7 }, items: [] })
    const { items } = (await api.get('/api/v1/audit?limit=50')).body
    const made = items.filter((each: { action: string }) => each.action === 'POST /api/v1/devices')
    expect(made).toHaveLength(2)
    expect(made[0].actor).toMatch(/^key:/)
    expect(made[1].actor).toBe('configuration')
  })

  test('shows of a secret that it would change, never what it is', async () => {
    const planned = await apply(api, document.replace('${OPS_SECRET}', otherSecret), '?dryRun=true')
    expect(planned.body.items).toEqual([
      {
        kind: 'channels',
        id: 'ops',
        where: '/channels/0',
        action: 'change',
        changes: [{ path: '/config/secret', secret: true }],
      },
    ])
  })

  test('keeps the stored secret where the sender left its placeholder, and asks for it where there is none', async () => {
    expect((await apply(api, document)).body).toMatchObject({ ok: true, counts: { same: 7 } })
    const renamed = await apply(
      api,
      document.replace('name: ops', 'name: unheard').replace('[ops]', '[unheard]'),
      '?dryRun=true',
    )
    expect(renamed.body).toMatchObject({ ok: false, counts: { refused: 1 } })
    expect(renamed.body.items.find((each: { problem?: unknown }) => each.problem)).toMatchObject({
      kind: 'channels',
      problem: { code: 'CONFIG_INVALID', errors: [{ path: '/config/secret' }] },
    })
  })

  test('is answered by export, without secrets, and that document changes nothing', async () => {
    const text: string = (await api.get('/api/v1/export')).body
    expect(text).toContain('secret: ${CHANNELS_OPS_SECRET}')
    expect(text).not.toContain(secretText)
    expect(text).toContain('mains pump, $${not}')
    const planned = await apply(api, text, '?dryRun=true')
    expect(planned.body).toMatchObject({ ok: true, items: [] })
    expect(planned.body.counts.same).toBeGreaterThan(14)
  })

  test('is refused as a whole, with the path of what is wrong, when its form is wrong', async () => {
    const before = (await api.get('/api/v1/types')).body.items.length
    const answer = await apply(api, { types: [{ id: 'never' }], devices: [{ id: 'x', colour: 'red' }, { name: 'y' }] })
    expect(answer).toMatchObject({ status: 422, body: { code: 'CONFIGURATION_INVALID' } })
    expect(answer.body.errors.map((each: { path: string }) => each.path)).toEqual([
      '/devices/0/colour',
      '/devices/1/id',
    ])
    expect(await apply(api, 'types: [a: b: c')).toMatchObject({ status: 400, body: { code: 'REQUEST_MALFORMED' } })
    const twice = await apply(api, { types: [{ id: 'a' }, { id: 'a' }] })
    expect(twice.body.errors[0]).toMatchObject({ path: '/types/1', code: 'twice' })
    expect((await api.get('/api/v1/types')).body.items).toHaveLength(before)
  })

  test('tells channels from other instances, and refuses a bomb of aliases', async () => {
    const config = { url: 'https://example.org/x', secret: secretText }
    const wrong = await apply(
      api,
      {
        instances: [{ plugin: 'alert-webhook', name: 'x', config }],
        channels: [{ plugin: 'access-jwt', name: 'y', config: {} }],
      },
      '?dryRun=true',
    )
    expect(wrong.body.items.map((each: { problem: { detail: string } }) => each.problem.detail)).toEqual([
      '/plugin belongs under channels.',
      '/plugin belongs under instances.',
    ])
    const bomb = ['a0: &a0 [x, x]', ...Array.from({ length: 40 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)]
    expect(await apply(api, bomb.join('\n'))).toMatchObject({ status: 400, body: { code: 'REQUEST_MALFORMED' } })
    expect((await apply(api, 'types: &t [*t]')).status).toBeGreaterThanOrEqual(400)
  })

  test('names a condition that cannot be read while planning, and carries out the rest when applied', async () => {
    const rules = [
      { name: 'Broken', levels: [{ severity: 'minor', when: 'temperature >' }] },
      { name: 'Whole', levels: [{ severity: 'minor', when: 'temperature > 1.0' }] },
    ]
    const planned = await apply(api, { rules }, '?dryRun=true')
    expect(planned.body).toMatchObject({ ok: false, counts: { created: 1, refused: 1 } })
    expect(planned.body.items[0]).toMatchObject({
      where: '/rules/0',
      problem: { errors: [{ path: '/levels/0/when' }] },
    })
    const done = await apply(api, { rules: [...rules, { name: 'Whole but', levels: [] }] })
    expect(done.body.counts).toMatchObject({ created: 1, refused: 2 })
    expect((await apply(api, { rules: rules.slice(1) })).body.counts).toMatchObject({ same: 1, refused: 0 })
  })

  test('deletes what a list leaves out only with prune, and never what is there from the start or a file’s', async () => {
    const without = { rules: [], channels: [], types: [] }
    expect((await apply(api, without)).body.counts).toEqual({ created: 0, changed: 0, deleted: 0, same: 0, refused: 0 })
    const planned = await apply(api, { ...without, prune: true }, '?dryRun=true')
    const gone = planned.body.items.map((each: { kind: string; id: string }) => `${each.kind} ${each.id}`)
    expect(gone).toEqual(expect.arrayContaining(['channels ops', 'types boiler']))
    expect(gone.join(' ')).not.toMatch(/inbox|types default/)
    const done = await apply(api, { rules: [], channels: [], prune: true })
    expect(done.body.counts).toMatchObject({ deleted: 3, refused: 1 })
    expect(done.body.items.find((each: { problem?: unknown }) => each.problem)).toMatchObject({
      id: 'night',
      problem: { code: 'CONFIGURATION_OWNED' },
    })
  })

  test('is carried out with the caller’s rights', async () => {
    await api.post('/api/v1/roles', {
      id: 'half',
      permissions: ['system.read', 'system.write', 'types.read', 'types.write', 'devices.read'],
    })
    const { key: half } = (await api.post('/api/v1/api-keys', { name: 'half', role: 'half' })).body
    const weak = createApi(server.url, half)
    expect((await weak.get('/api/v1/export')).status).toBe(403)
    const answer = await weak.post('/api/v1/apply', { types: [{ id: 'half-type' }], devices: [{ id: 'half-device' }] })
    expect(answer.body).toMatchObject({ ok: false, counts: { created: 1, refused: 1 } })
    expect(answer.body.items[1]).toMatchObject({ id: 'half-device', problem: { code: 'AUTH_FORBIDDEN' } })
  })
})

describe('a document at the terminal', () => {
  const commands = { export: exportCommand, plan: planCommand, apply: applyCommand }
  const at = async (verb: keyof typeof commands, place: string, env: Record<string, string> = {}) => {
    const whole = { PATCHBAY_PORT: String(server.port), PATCHBAY_API_KEY: key, ...env }
    try {
      return (await commands[verb].run([place], { env: whole, print: () => undefined })) ?? { code: 2, text: '' }
    } catch (error) {
      return { code: 1, text: String(error) }
    }
  }

  test('is exported, planned and applied from a folder, with secrets out of the environment', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchbay-config-cli-'))
    try {
      const exported = join(folder, 'all.yaml')
      expect(await at('export', exported)).toMatchObject({ code: 0 })
      expect(await at('plan', exported)).toMatchObject({
        code: 0,
        text: expect.stringMatching(/^0 would be created, 0 changed, 0 deleted/),
      })
      expect((await at('export', exported)).text).toMatch(/EEXIST/)

      await rm(exported)
      await writeFile(join(folder, 'a.yaml'), 'types: [{ id: fan }]')
      const channel =
        'channels: [{ name: cli, plugin: alert-webhook, config: { url: https://example.org/c, secret: "${CLI}" } }]'
      await writeFile(join(folder, 'b.yaml'), `${channel}\ntypes: [{ id: grill }]`)
      const open = await at('plan', folder)
      expect(open).toMatchObject({ code: 1 })
      expect(open.text).toContain('! channels cli (b.yaml: /channels/0): CONFIG_INVALID')
      const done = await at('apply', folder, { CLI: secretText })
      expect(done).toMatchObject({
        code: 0,
        text: expect.stringMatching(/\+ types grill \(b\.yaml: \/types\/0\)[^]*3 created/),
      })
      expect(done.text).not.toContain(secretText)
      const changed = await at('plan', folder, { CLI: otherSecret })
      expect(changed.text).toMatch(/~ channels cli .*\n {4}\/config\/secret: a secret\n0 would be created, 1 changed/)

      // Filled in where no field is a secret: it is one all the same.
      await writeFile(
        join(folder, 'b.yaml'),
        channel.replace('https://example.org/c', '"https://example.org/${TOKEN}"'),
      )
      const moved = await at('plan', folder, { CLI: secretText, TOKEN: 'planted-token' })
      expect(moved.text).toMatch(/~ channels cli .*\n {4}\/config\/url: a secret\n/)
      expect(moved.text).not.toContain('planted-token')

      await writeFile(join(folder, 'b.yaml'), 'types: [{ id: 7 }]')
      expect(await at('plan', folder)).toMatchObject({
        code: 1,
        text: expect.stringMatching(/: b\.yaml: \/types\/0\/id /),
      })
      expect(await at('plan', folder, { PATCHBAY_PORT: '1' })).toMatchObject({ code: 1 })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('private keys of the gateway', () => {
  test('are left out of an export, stay where they are not sent, and are not asked for again', async () => {
    const { makeAuthority } = await import('../../src/tls/certificate-maker.ts')
    const { cert, key: privateKey } = await makeAuthority(Date.now(), 30)
    const ssl = { id: 'site', sni: 'iot.example.org', cert, key: privateKey }
    expect((await apply(api, { gateway: { ssls: [ssl] } })).body).toMatchObject({ ok: true, counts: { created: 1 } })
    expect((await apply(api, { gateway: { ssls: [ssl] } })).body.counts.same).toBe(1)
    const text: string = (await api.get('/api/v1/export')).body
    expect(text).toContain('key: ${GATEWAY_SSLS_SITE_KEY}')
    expect(text).not.toContain('PRIVATE KEY')
    const open = { ...ssl, key: '${GATEWAY_SSLS_SITE_KEY}' }
    expect((await apply(api, { gateway: { ssls: [open] } })).body.counts.same).toBe(1)
    const renamed = { gateway: { ssls: [{ ...open, sni: 'other.example.org' }] } }
    expect((await apply(api, renamed)).body).toMatchObject({ ok: true, counts: { changed: 1 } })
    expect((await api.get('/apisix/admin/ssls/site')).body.value).toMatchObject({ sni: 'other.example.org', cert })
    const fresh = { gateway: { ssls: [{ ...open, id: 'fresh' }] } }
    expect((await apply(api, fresh, '?dryRun=true')).body).toMatchObject({ ok: false, counts: { refused: 1 } })
  })
})

describe('the files of PATCHBAY_CONFIG', () => {
  test('are applied at the start, and what they own is read-only elsewhere', async () => {
    expect((await api.get('/api/v1/types/pump')).body).toMatchObject({ title: 'mains pump, ${not}' })
    expect((await api.get('/api/v1/channels/night')).body).toMatchObject({ config: { secret: { set: true } } })
    for (const refused of [
      await api.patch('/api/v1/devices/pump-1', { name: 'mine' }),
      await api.delete('/api/v1/devices/pump%2D1'),
      await api.put('/api/v1/types/pump', {}),
      await api.delete('/api/v1/channels/night'),
      await api.post('/api/v1/plugins/alert-webhook/instances/night/disable'),
      await api.delete('/api/v1/plugins/alert-webhook/instances/night'),
    ])
      expect(refused).toMatchObject({
        status: 409,
        body: { code: 'CONFIGURATION_OWNED', detail: expect.stringMatching(/\.ya?ml says/) },
      })
    expect((await api.post('/api/v1/devices/pump-1/credentials', {})).status).toBe(201)
    expect((await api.patch('/api/v1/devices/boiler-1', { name: 'free' })).status).toBe(200)
  })

  test('are followed: a change is applied, a fault leaves in force what was and raises an alert that ends with it', async () => {
    await put(
      'gateway.yaml',
      'gateway: { upstreams: [{ id: filed, type: roundrobin, nodes: { "127.0.0.1:1884": 1 } }] }',
    )
    await vi.waitFor(async () => expect((await api.get('/apisix/admin/upstreams/filed')).status).toBe(200), 5000)
    const change = { type: 'roundrobin', nodes: { '127.0.0.1:1': 1 } }
    expect(await api.put('/apisix/admin/upstreams/filed', change)).toMatchObject({
      status: 400,
      body: { error_msg: 'owned by gateway.yaml, changed there' },
    })
    expect((await api.put('/apisix/admin/upstreams', { ...change, id: 'filed' })).status).toBe(400)
    expect((await api.put('/apisix/admin/upstreams/free', change)).status).toBe(201)

    const alert = async () =>
      (await api.get('/api/v1/alerts')).body.items.find((each: any) => each.rule === 'system:configuration-refused')
    await put('things.yml', 'devices: [{ id: pump-1, type: pump }\n')
    await vi.waitFor(async () => expect((await alert())?.state).toBe('open'), 5000)
    expect(server.lines.join('')).toMatch(/things\.yml is not YAML: .*line 2/)
    expect((await api.get('/api/v1/devices/pump-1')).body.tags).toEqual(['from-file'])
    await put('things.yml', 'devices: [{ id: pump-1, type: unheard-of }]\n')
    await vi.waitFor(() => expect(server.lines.join('')).toContain('things.yml: /devices/0'), 5000)

    await put('things.yml', 'devices: [{ id: pump-1, type: pump, tags: [later] }]\n')
    await vi.waitFor(async () => expect((await alert())?.state).toBe('resolved'), 5000)
    expect((await api.get('/api/v1/devices/pump-1')).body.tags).toEqual(['later'])
    // Not in a file any more: it stays, and is free.
    expect((await api.delete('/api/v1/channels/night')).status).toBe(204)
  })

  test('change nothing at the next start', async () => {
    const version = async (path: string) => (await api.get(path)).headers.get('etag')
    const before = await version('/api/v1/devices/pump-1')
    await server.close()
    await start(data.path, false)
    const said = () => expect(server.lines.join('')).toContain('configuration is as its files say')
    await vi.waitFor(said, 20_000)
    expect((await api.get('/api/v1/types/pump')).status).toBe(200)
    expect(await version('/api/v1/devices/pump-1')).toBe(before)
    expect(server.lines.join('')).not.toContain('configuration was applied')
  })

  test('end the start with a sentence of file and path when they cannot be used', async () => {
    const other = await makeDataFolder()
    const wrong = join(other.path, 'wrong.yaml')
    await writeFile(wrong, 'rules: [{ levels: [] }]')
    const started = startInProcess({ data: other.path, env: { PATCHBAY_CONFIG: wrong } })
    // What main ends with 2 for.
    await expect(started).rejects.toMatchObject({
      code: 'SETTINGS_WRONG',
      message:
        'PATCHBAY_CONFIG cannot be used: wrong.yaml: /rules/0/name is missing; mend it or unset PATCHBAY_CONFIG.',
    })
    expect(await readFile(wrong, 'utf8')).toBe('rules: [{ levels: [] }]')
    await other.remove()
  })
})
