import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice, readAll, type TestDevice } from '../harness/api.ts'
import { docCode } from '../harness/doc-code.ts'
import { uploadPlugin } from '../harness/packed-plugin.ts'
import { makeDataFolder, type ServerProcess, startServer, testKey } from '../harness/server-process.ts'

// The way of a new author, outside the repository and from tarballs alone. What the kit itself needs comes from the registry of npm.
const root = fileURLToPath(new URL('../../../../', import.meta.url))
const kinds = ['adapter', 'source', 'sink', 'bridge', 'codec', 'alert-channel', 'access-provider'] as const
const commandMs = 60_000
const registryMs = 20_000
/** It takes about half a second, which plugin-dev.quiet holds it to; here other suites run beside it. */
const reloadMs = 5_000

const hasRegistry = spawnSync('npm', ['view', 'typebox', 'version'], { timeout: registryMs }).status === 0

let work: string
let kit: string
/** Without the variables of the test runner, which a vitest inside it would take for its own. */
const env = Object.fromEntries(
  Object.entries({ ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(':') }).filter(
    ([name]) => !/^(VITEST|TEST$|NODE_ENV$|NODE_OPTIONS$|PATCHBAY_)/.test(name),
  ),
)
const sh = async (folder: string, command: string, ...args: string[]): Promise<string> => {
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd: folder, env, timeout: commandMs })
    return stdout
  } catch (error: any) {
    throw new Error(`${command} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? ''}`, { cause: error })
  }
}
const create = (kind: string): Promise<string> => {
  const tool = `--package=${join(kit, 'create-patchbay-plugin-0.1.0.tgz')}`
  const command = `create-patchbay-plugin acme-${kind} --kind ${kind} --from ${kit}`
  return sh(work, 'npm', 'exec', '--yes', '--offline', tool, '--', ...command.split(' '))
}

/** Runs a block of the kit's page as it stands there. */
const documented = (folder: string, script: string): Promise<string> =>
  sh(folder, 'bash', '-ec', script.replaceAll('/path/to/kit', kit).replaceAll('acme-meter', 'acme-adapter'))

beforeAll(async () => {
  if (!hasRegistry) return
  work = await mkdtemp(join(tmpdir(), 'patchbay-author-'))
  kit = join(work, 'kit')
  await documented(root, await docCode('plugins/kit.md', 'sh', 0))
  await documented(work, await docCode('plugins/kit.md', 'sh', 1))
}, 90_000)
afterAll(() => hasRegistry && rm(work, { recursive: true, force: true }))

describe.skipIf(!hasRegistry)('a plugin made from the packed kit (needs npm’s registry)', () => {
  test.for(kinds)('of the kind %s has right types, a green test and is packed', { timeout: 60_000 }, async (kind) => {
    const folder = join(work, `acme-${kind}`)
    if (kind !== 'adapter') {
      await create(kind)
      // The same kit for each: it is installed once.
      await symlink(join(work, 'acme-adapter/node_modules'), join(folder, 'node_modules'))
    }
    const lines = (await readFile(join(folder, 'src/index.ts'), 'utf8')).split('\n').length
    // A bridge goes both ways.
    expect(lines).toBeLessThanOrEqual(kind === 'bridge' ? 46 : 36)
    expect(await sh(folder, 'npm', 'test')).toMatch(/Tests .*[1-9] passed/)
    expect(await sh(folder, 'npm', 'run', 'pack')).toContain(`packed 5 files into acme-${kind}-1.0.0.tgz`)
    expect(await sh(folder, 'npm', 'run', 'check')).toMatch(
      /good: a server takes it; .* tier "(recommended|exemplary)"/,
    )
  })

  test('is the meter of the tutorial when one does what it says', { timeout: 60_000 }, async () => {
    await mkdir(join(work, 'tutorial'))
    const folder = join(work, 'tutorial/acme-meter')
    const first = (await docCode('plugins/tutorial.md', 'sh', 0))
      .replace('npm install\n', '')
      .replaceAll('/path/to/kit', kit)
    await sh(join(work, 'tutorial'), 'bash', '-ec', first)
    await symlink(join(work, 'acme-adapter/node_modules'), join(folder, 'node_modules'))
    for (const [n, file] of ['meter.ts', 'index.ts', 'index.test.ts'].entries())
      await writeFile(join(folder, 'src', file), await docCode('plugins/tutorial.md', 'ts', n))
    const manifest = JSON.parse(await readFile(join(folder, 'plugin.json'), 'utf8'))
    const two = JSON.parse(await docCode('plugins/tutorial.md', 'json', 0))
    await writeFile(join(folder, 'plugin.json'), JSON.stringify({ ...manifest, ...two }))
    await writeFile(join(folder, 'README.md'), await docCode('plugins/tutorial.md', 'md', 0))
    const said = await sh(folder, 'bash', '-ec', await docCode('plugins/tutorial.md', 'sh', 1))
    expect(said).toMatch(/Tests .*2 passed/)
    expect(said).toContain('packed 5 files into acme-meter-1.0.0.tgz')
    expect(await sh(folder, 'npm', 'run', 'check')).toMatch(/good: a server takes it; .* tier "recommended"/)
  })

  test('runs from its folder, and anew about a second after a save', { timeout: 60_000 }, async () => {
    const folder = join(work, 'acme-dev')
    await cp(join(work, 'acme-adapter'), folder, { recursive: true, filter: (path) => !path.endsWith('node_modules') })
    await symlink(join(work, 'acme-adapter/node_modules'), join(folder, 'node_modules'))
    const command = (await docCode('plugins/kit.md', 'sh', 2)).replaceAll('/path/to/patchbay', root)
    const child = spawn('bash', ['-ec', `exec ${command}`], {
      cwd: folder,
      env: {
        ...env,
        HOME: work,
        ...Object.fromEntries(
          ['PORT', 'MQTT_PORT', 'MQTTS_PORT', 'COAP_PORT', 'COAPS_PORT', 'AMQP_PORT'].map((of) => [
            `PATCHBAY_${of}`,
            '0',
          ]),
        ),
      },
      detached: true,
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const said = (words: string) => expect.poll(() => text, { timeout: 30_000, interval: 10 }).toContain(words)
    try {
      await said('the instance default of acme-adapter is made')
      const url = /listening on (http\S+)/.exec(text)?.[1] ?? ''
      const words = async () => (await fetch(`${url}/x/acme-adapter/none`, { method: 'POST' })).headers.get('x-words')
      expect(await words()).toBe(null)
      const began = performance.now()
      await edit(join(folder, 'src/index.ts'), 'reply.code(error', "reply.header('x-words', 'second').code(error")
      await expect.poll(words, { timeout: 10_000, interval: 10 }).toBe('second')
      const tookMs = Math.round(performance.now() - began)
      console.log(`plugin dev: runs anew ${tookMs} ms after the save`)
      expect(tookMs).toBeLessThan(reloadMs)
      await edit(join(folder, 'src/index.ts'), 'definePlugin({', 'definePlugin({{')
      await said('not built, what ran before goes on')
      expect(await words()).toBe('second')
    } finally {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
      if (child.exitCode === null) await once(child, 'exit')
    }
  })

  test('goes to a running server, up under load, back, and away', { timeout: 60_000 }, async () => {
    const data = await makeDataFolder()
    let server: ServerProcess | undefined
    try {
      server = await startServer({ data: data.path })
      await liveMeter(server.url)
      await live(server.url)
    } finally {
      await server?.stop()
      await data.remove()
    }
  })
})

/** The rest of the tutorial, as it stands there. */
async function liveMeter(url: string): Promise<void> {
  const folder = join(work, 'tutorial/acme-meter')
  const meter = spawn('bash', ['-ec', `exec ${await docCode('plugins/tutorial.md', 'sh', 2)}`], { cwd: folder, env })
  const own = (await docCode('plugins/tutorial.md', 'sh', 3))
    .replace('the-port-of-the-meter', String(await once(meter.stdout, 'data')).trim())
    .replace('the-key', testKey)
  const blocks = await Promise.all([
    docCode('plugins/tutorial.md', 'sh', 4),
    docCode('plugins/tutorial.md', 'sh', 5),
    docCode('plugins/tutorial.md', 'sh', 6),
  ])
  const [install = '', upgrade = '', back = ''] = blocks.map((block) => block.replaceAll('http://127.0.0.1:8080', url))
  // What one would type into one shell. The last of the first block is what it is about, and may come a moment later.
  const call = (install.split('\n')[0] ?? '') + '\n'
  const type = (script: string): Promise<string> => sh(folder, 'bash', '-ec', `${own}${call}${script}`)
  try {
    expect(await type(install)).toContain('"state":"running"')
    await expect
      .poll(() => type(install.trim().split('\n').at(-1) ?? ''), { timeout: 10_000 })
      .toContain('"value":21.5')
    await edit(join(folder, 'plugin.json'), '"tcp:*:502"', '"tcp:*:*"')
    const waits = await type(upgrade)
    expect(waits).toContain('"wider":["connect: tcp:*:*"],"approval":"pending"')
    const [approved, rolledBack, removed] = (await type(back)).split('\n')
    expect(approved).toMatch(/^{"id":"acme-meter","version":"1.1.0","state":"ready"/)
    expect(rolledBack).toMatch(/^{"id":"acme-meter","version":"1.0.0","state":"ready"/)
    expect(removed).toBe('')
    expect((await createApi(url).get('/api/v1/plugins/acme-meter')).status).toBe(404)
    expect((await createApi(url).get('/api/v1/devices/boiler-1/latest')).body.temperature.value).toBe(21.5)
  } finally {
    meter.kill('SIGKILL')
  }
}

const plugin = '/api/v1/plugins/acme-adapter'
const rate = 500

async function live(url: string): Promise<void> {
  const folder = join(work, 'acme-adapter')
  const api: Api = createApi(url)
  const upload = async (version: string) =>
    uploadPlugin(url, testKey, await readFile(join(folder, `acme-adapter-${version}.tgz`)), '?approve=true')
  const device = await createDevice(api, 'boiler')
  let version: string | null = ''
  const send = async (to: TestDevice, n: number): Promise<number> => {
    const response = await fetch(`${url}/x/acme-adapter/${to.id}`, {
      method: 'POST',
      headers: { 'x-secret': to.secret, 'content-type': 'application/json' },
      body: JSON.stringify({ value: n }),
    })
    await response.arrayBuffer()
    if (response.status === 204) version = response.headers.get('x-version')
    return response.status
  }

  // Installed, and a reading arrives.
  expect(await upload('1.0.0')).toMatchObject({ status: 202, body: { approval: 'given' } })
  expect((await api.put(`${plugin}/instances/default`, { config: {} })).body.state).toBe('running')
  expect(await send(device, 1_000_000)).toBe(204)
  expect((await readAll(api, 'boiler', 'value')).map(({ value }) => value)).toEqual([1_000_000])

  // The next version wants more, so it waits for a person.
  await edit(join(folder, 'package.json'), '"version": "1.0.0"', '"version": "1.1.0"')
  await edit(
    join(folder, 'plugin.json'),
    '"services": ["sessions"]',
    '"services": ["sessions"], "connect": ["tcp:*:502"]',
  )
  await edit(join(folder, 'src/index.ts'), 'reply.code(204)', "reply.header('x-version', '1.1.0').code(204)")
  await sh(folder, 'npm', 'run', 'pack')
  expect((await upload('1.1.0')).body).toMatchObject({ approval: 'pending', wider: ['connect: tcp:*:502'] })

  // Approved under load, and taken back under load.
  const answers = new Map<number, number>()
  const acked: number[] = []
  const sending: Promise<void>[] = []
  const going = { on: true }
  const began = performance.now()
  let sent = 0
  const load = (async () => {
    while (going.on) {
      // Paced by the clock, whatever the answers take.
      for (const due = ((performance.now() - began) / 1000) * rate; sent < due; sent += 1) {
        const n = sent
        sending.push(
          send(device, n).then((status) => {
            answers.set(status, (answers.get(status) ?? 0) + 1)
            if (status === 204) acked.push(n)
          }),
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 4))
    }
  })()
  const reach = (n: number) => expect.poll(() => acked.length, { timeout: 15_000, interval: 10 }).toBeGreaterThan(n)
  await reach(500)
  expect((await api.post(`${plugin}/approve`, { version: '1.1.0' })).body.version).toBe('1.1.0')
  await expect.poll(() => version, { timeout: 15_000, interval: 10 }).toBe('1.1.0')
  await reach(acked.length + 500)
  expect((await api.post(`${plugin}/rollback`)).body.version).toBe('1.0.0')
  await reach(acked.length + 500)
  going.on = false
  await load
  const perSecond = Math.round((sent / (performance.now() - began)) * 1000)
  await Promise.all(sending)
  console.log(`author's kit: ${sent} sent at ${perSecond}/s over 2 swaps, answers ${JSON.stringify([...answers])}`)
  expect(perSecond).toBeGreaterThan(rate * 0.9)
  expect([...answers.keys()].every((status) => status === 204 || status === 503)).toBe(true)
  const stored = new Set((await readAll(api, 'boiler', 'value')).map(({ value }) => value))
  expect(acked.filter((n) => !stored.has(n))).toEqual([])
  expect(await send(device, 1_000_001)).toBe(204)
  expect(version).toBe(null)

  // Removed: nothing of it is left, and what it brought stays.
  expect((await api.delete(plugin)).status).toBe(204)
  expect(await send(device, 1_000_002)).toBe(404)
  expect((await api.get(plugin)).status).toBe(404)
  expect((await readAll(api, 'boiler', 'value')).map(({ value }) => value)).toContain(1_000_001)
}

async function edit(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(file, 'utf8')
  expect(text).toContain(from)
  await writeFile(file, text.replace(from, to))
}
