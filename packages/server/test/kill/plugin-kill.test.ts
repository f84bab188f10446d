import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { packFeed, uploadPlugin } from '../harness/packed-plugin.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { makeDataFolder, type ServerProcess, startServer, testKey } from '../harness/server-process.ts'

/** Each of them kills the platform once in an install, in an upgrade and in a rollback, and some in a removal. */
const seeds = isLong ? 50 : 2
const operations = ['install', 'upgrade', 'rollback'] as const
type Operation = (typeof operations)[number] | 'remove'
/** Most kills are to fall into the swap itself, which is short; some into the upload before it. */
const stagedShare = 0.75
const removalShare = isLong ? 0.2 : 0.5
/** Kills fall into all steps of a change and a little after it: the first life measures how long each takes here. */
const reach = 1.2
const patience = { timeout: 30_000, interval: 20 }
const plugin = '/api/v1/plugins/acme-feed'
const instance = `${plugin}/instances/default`

/** Version 1 stores `channel`, version 2 `key`: code and configuration that do not belong together cannot run. */
const archives = {
  '1.0.0': packFeed(),
  '2.0.0': packFeed({ version: '2.0.0', configVersion: 2 }),
}
type Version = keyof typeof archives
const bothSides = [
  'install → none',
  'install → 1.0.0',
  'upgrade → 1.0.0',
  'upgrade → 2.0.0',
  'rollback → 2.0.0',
  'rollback → 1.0.0',
]
const configs = { '1.0.0': { channel: 'pressure' }, '2.0.0': { key: 'pressure' } }

const measure = async (work: () => Promise<{ status: number }>): Promise<number> => {
  const began = performance.now()
  expect((await work()).status).toBeLessThan(300)
  return performance.now() - began
}

/** How long each step takes when nothing comes between, ms. The plugin is gone again afterwards. */
const measureSteps = async (url: string) => {
  const api = createApi(url)
  const approve = (version: Version) => () => api.post(`${plugin}/approve`, { version })
  const stage = await measure(() => uploadPlugin(url, testKey, archives['1.0.0']))
  const install = await measure(approve('1.0.0'))
  await api.put(instance, { config: configs['1.0.0'] })
  await uploadPlugin(url, testKey, archives['2.0.0'])
  const upgrade = await measure(approve('2.0.0'))
  const rollback = await measure(() => api.post(`${plugin}/rollback`))
  const remove = await measure(() => api.delete(plugin))
  return { stage, install, upgrade, rollback, remove }
}

/** What a life found of the one before. */
interface Found {
  /** Undefined: none is installed. */
  version: Version | undefined
  /** What its instance counted, once it is there. */
  starts: number
}

/** Whatever was killed: one whole version is there and runs, or none, and REST says which. */
const assertWhole = async (server: ServerProcess, data: string, before: Found): Promise<Found> => {
  // It listens before the plugins are there, if they take long; then what is left over is cleared, too.
  const { status, body } = await vi.waitFor(async () => {
    const answer = await createApi(server.url).get(plugin)
    const folders = await readdir(join(data, 'plugin-packages', 'acme-feed')).catch(() => [])
    const { release, previous, staged } = answer.body
    expect(folders.length).toBe([release, previous, staged].filter(Boolean).length)
    return answer
  }, patience)
  if (status === 404 || body.state !== 'ready') {
    expect(['none', 'staged']).toContain(status === 404 ? 'none' : body.state)
    return { version: undefined, starts: 0 }
  }
  const version = body.version as Version
  expect(body.problem).toBeUndefined()
  if (body.instances.length === 0) return { version, starts: 0 }
  const api = createApi(server.url)
  await expect.poll(async () => (await api.get(instance)).body.state, patience).toBe('running')
  const said: any = await (await fetch(`${server.url}/x/acme-feed`)).json()
  expect(said).toMatchObject({ version, config: configs[version] })
  expect(said.starts).toBeGreaterThan(before.starts)
  return { version, starts: said.starts }
}

/** Brings about, undisturbed, what the operation begins with. */
const prepare = async (api: Api, url: string, operation: Operation, version: Version | undefined): Promise<void> => {
  const wanted = { install: undefined, upgrade: '1.0.0', rollback: '2.0.0', remove: version }[operation] as
    | Version
    | undefined
  if (wanted === undefined) {
    if (version !== undefined) expect((await api.delete(plugin)).status).toBe(204)
    return
  }
  if (version !== wanted)
    expect((await uploadPlugin(url, testKey, archives[wanted], '?approve=true')).status).toBeLessThan(300)
  expect((await api.put(instance, { config: configs[wanted] })).status).toBeLessThan(300)
}

test(
  `kill -9 while a plugin is installed, upgraded, rolled back and removed, ${seeds} of each: one whole version runs`,
  { timeout: isLong ? 1_800_000 : 180_000 },
  async () => {
    const random = createRandom('plugin kill')
    const began = performance.now()
    const data = await makeDataFolder()
    const met: Record<string, number> = {}
    let kills = 0
    let server = await startServer({ data: data.path })
    try {
      const takesMs = await measureSteps(server.url)
      let found: Found = { version: undefined, starts: 0 }
      const killIn = async (operation: Operation): Promise<void> => {
        const api = createApi(server.url)
        await prepare(api, server.url, operation, found.version)
        if (operation !== 'install')
          found.starts = ((await (await fetch(`${server.url}/x/acme-feed`)).json()) as any).starts
        const next: Version = operation === 'install' ? '1.0.0' : '2.0.0'
        const isSwap = operation === 'install' || operation === 'upgrade'
        const isStaged = isSwap && random.next() < stagedShare
        if (isStaged) expect((await uploadPlugin(server.url, testKey, archives[next])).status).toBe(202)
        const change = {
          approve: () => api.post(`${plugin}/approve`, { version: next }),
          upload: () => uploadPlugin(server.url, testKey, archives[next], '?approve=true'),
          remove: () => api.delete(plugin),
          rollback: () => api.post(`${plugin}/rollback`),
        }
        const kind = operation === 'remove' || operation === 'rollback' ? operation : isStaged ? 'approve' : 'upload'
        const under: Promise<unknown> = change[kind]().catch(() => undefined)
        await wait(random.next() * (takesMs[operation] + (kind === 'upload' ? takesMs.stage : 0)) * reach)
        await server.kill()
        await under
        kills += 1
        server = await startServer({ data: data.path })
        found = await assertWhole(server, data.path, found)
        const seen = `${operation} → ${found.version ?? 'none'}`
        met[seen] = (met[seen] ?? 0) + 1
      }
      for (let seed = 0; seed < seeds; seed += 1) {
        if (found.version !== undefined && random.next() < removalShare) await killIn('remove')
        for (const operation of operations) await killIn(operation)
      }
      await server.stop()
      const seconds = ((performance.now() - began) / 1000).toFixed(0)
      console.log(`plugin kill: ${kills} × kill -9 in ${seconds} s, found ${JSON.stringify(met)}, seed ${random.seed}`)
    } finally {
      await server.kill()
      await data.remove()
    }
    // So many kills fall on both sides of the moment from which on the new version counts.
    if (isLong) expect(Object.keys(met)).toEqual(expect.arrayContaining(bothSides))
  },
)
