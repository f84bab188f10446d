// Fills the compile cache and ends: run once, in a process of its own, before the very first start. The process that stays then never
// loads the type stripper, which would cost it some 30 MB until its next start.
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { bundledPlugins, loadLater } from './parts/bundled-plugins.ts'

/** A thread that neither fails nor ends by itself is ended then. */
const threadMs = 2000

for (const plugin of bundledPlugins) await plugin.load()
await loadLater()

await import('@patchbay/core/rules/expression')
await import('@patchbay/core/rules/condition-tree')

// Threads load code of their own; a folder that is not there makes them fail at once, which is all that is wanted of them here.
const file = fileURLToPath(new URL('./no-such-folder/none', import.meta.url))
const stores = new URL('./stores/sqlite/', import.meta.url)
const entries = readdirSync(stores).filter((name) => name.endsWith('-worker.ts'))
const load = (name) =>
  new Promise((resolve) => {
    const worker = new Worker(new URL(name, stores), { workerData: { file } })
    const timer = setTimeout(() => void worker.terminate(), threadMs)
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      clearTimeout(timer)
      resolve()
    })
  })
await Promise.all(entries.map(load))

// main reads the settings after its imports, refuses this one and ends: it is loaded, and not run.
process.env.PATCHBAY_PORT = 'none'
await import('./main.ts')
