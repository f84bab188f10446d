/** A host with a plugin in a process of its own that loops for ever; prints the process's id. Somebody kills it. */
import { enableCompileCache } from 'node:module'
import { writeStranger } from './apart.ts'
import hostile from './fixtures/hostile.ts'
import { createWorld } from './world.ts'

enableCompileCache()
const fixture = new URL('./fixtures/hostile.ts', import.meta.url)
const world = await createWorld({
  values: () => ({
    get: async () => undefined,
    async set(key, value) {
      if (key === 'pid') process.stdout.write(`${String(value)}\n`)
    },
    delete: async () => undefined,
  }),
  write: async (root) => [
    await writeStranger(root, fixture, hostile, 'zoo', {
      isolation: { least: 'process' },
      needs: { services: ['sessions'], files: ['data'] },
      limits: { startMs: 30_000, stopMs: 2_000 },
      instances: 'many',
    }),
  ],
})
await world.host.start()
// One that has ended, and one that goes on.
await world.host.put('zoo', 'first', { config: { does: 'nothing' } })
await world.host.disable('zoo', 'first')
await world.host.put('zoo', 'loop', { config: { does: 'loop' } })
