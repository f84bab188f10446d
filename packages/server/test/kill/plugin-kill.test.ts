import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createApi } from '../harness/api.ts'
import { packFeed, uploadPlugin } from '../harness/packed-plugin.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { makeDataFolder, startServer, testKey } from '../harness/server-process.ts'

/** In the long form as many of each as of the others, and as many more as it takes. */
const perOperation = 50
const rounds = isLong ? 8 * perOperation : 6
type Operation = 'install' | 'upgrade' | 'rollback' | 'remove'
const plugin = '/api/v1/plugins/acme-feed'
/** Kills fall into all steps of a change and a little after it: the first life measures how long each takes here. */
const reach = 1.2

/** Version 1 stores `channel`, version 2 `key`: code and configuration that do not belong together cannot run. */
const archives = {
  '1.0.0': packFeed(),
  '2.0.0': packFeed({ version: '2.0.0', configVersion: 2 }),
}
type Version = keyof typeof archives

const measure = async (work: () => Promise<{ status: number }>): Promise<number> => {
  const began = performance.now()
  expect((await work()).status).toBeLessThan(300)
  return performance.now() - began
}

/** How long each change takes when nothing comes between, ms. The plugin is gone again afterwards. */
const measureChanges = async (url: string) => {
  const api = createApi(url)
  const upload = await measure(() => uploadPlugin(url, testKey, archives['1.0.0'], '?approve=true'))
  await api.put(`${plugin}/instances/default`, { config: { channel: 'pressure' } })
  await uploadPlugin(url, testKey, archives['2.0.0'])
  const approve = await measure(() => api.post(`${plugin}/approve`, { version: '2.0.0' }))
  const rollback = await measure(() => api.post(`${plugin}/rollback`))
  const remove = await measure(() => api.delete(plugin))
  return { upload, approve, rollback, remove }
}

test(
  `${isLong ? `${perOperation} of each` : rounds} × kill -9 while a plugin is installed, upgraded, rolled back and removed: one whole version runs`,
  {
    timeout: isLong ? 3_600_000 : rounds * 20_000 + 60_000,
  },
  async () => {
    const random = createRandom('plugin kill')
    const data = await makeDataFolder()
    const met: Record<string, number> = {}
    const killed: Record<Operation, number> = { install: 0, upgrade: 0, rollback: 0, remove: 0 }
    const isEnough = (): boolean => isLong && Math.min(killed.install, killed.upgrade, killed.rollback) >= perOperation
    try {
      let version: Version | undefined
      let kept = false
      let starts = 0
      let takesMs = { upload: 0, approve: 0, rollback: 0, remove: 0 }
      let kind: keyof typeof takesMs = 'upload'
      for (let round = 0; round <= rounds; round++) {
        const server = await startServer({ data: data.path })
        const api = createApi(server.url)
        if (round > 0) {
          // What the last life left behind is whole, and is what REST says.
          const { status, body } = await api.get(plugin)
          const state = status === 404 ? 'none' : body.state
          if (state === 'ready') {
            version = body.version as Version
            kept = body.previous !== undefined
            expect(body.problem).toBeUndefined()
            if (body.instances.length > 0) {
              await expect
                .poll(async () => (await api.get(`${plugin}/instances/default`)).body.state, { timeout: 10_000 })
                .toBe('running')
              const said: any = await (await fetch(`${server.url}/x/acme-feed`)).json()
              expect(said).toMatchObject({
                version,
                config: version === '1.0.0' ? { channel: 'pressure' } : { key: 'pressure' },
              })
              expect(said.starts).toBeGreaterThan(starts)
              starts = said.starts
            }
          } else {
            expect(['none', 'staged']).toContain(state)
            version = undefined
            starts = 0
          }
          const folders = await readdir(join(data.path, 'plugin-packages', 'acme-feed')).catch(() => [])
          const wanted = [body.release, body.previous, body.staged].filter(Boolean)
          expect(folders.length).toBe(wanted.length)
          const found = `${kind} → ${version ?? state}`
          met[found] = (met[found] ?? 0) + 1
        }
        if (round === 0) takesMs = await measureChanges(server.url)
        if (round === rounds || isEnough()) {
          await server.stop()
          break
        }
        if (version !== undefined) {
          const { status } = await api.put(`${plugin}/instances/default`, {
            config: version === '1.0.0' ? { channel: 'pressure' } : { key: 'pressure' },
          })
          expect(status).toBe(200)
        }
        const dice: number = random.next()
        const next: Version = version === undefined ? '1.0.0' : '2.0.0'
        const isRemoval: boolean = isLong ? killed.install <= killed.rollback : dice < 0.2
        const isSwap: boolean = version === undefined || (!kept && (isLong || !isRemoval))
        // Most kills are to fall into the swap itself, which is short; some into the upload before it.
        const isStaged: boolean = isSwap && random.next() < 0.75
        if (isStaged) expect((await uploadPlugin(server.url, testKey, archives[next])).status).toBe(202)
        kind = isStaged ? 'approve' : isSwap ? 'upload' : isRemoval ? 'remove' : 'rollback'
        killed[isSwap ? (version === undefined ? 'install' : 'upgrade') : isRemoval ? 'remove' : 'rollback'] += 1
        const change = {
          approve: () => api.post(`${plugin}/approve`, { version: next }),
          upload: () => uploadPlugin(server.url, testKey, archives[next], '?approve=true'),
          remove: () => api.delete(plugin),
          rollback: () => api.post(`${plugin}/rollback`),
        }
        const under: Promise<unknown> = change[kind]().catch(() => undefined)
        await wait(random.next() * takesMs[kind] * reach)
        await server.kill()
        await under
      }
      console.log(
        `plugin kill: kill -9 in ${JSON.stringify(killed)}, found ${JSON.stringify(met)}, seed ${random.seed}`,
      )
      if (isLong) expect(isEnough()).toBe(true)
    } finally {
      await data.remove()
    }
  },
)
