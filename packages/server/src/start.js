// The entry of `npm start`. Plain JavaScript, so that the compile cache is on before the first TypeScript is read: with it the type
// stripper is not even loaded from the second start on, which saves start time and about 50 MB for good.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

/** Filling the cache is worth waiting for this long; without it the start works as well. */
const warmUpMs = 15_000

// Each thread that reads TypeScript first runs the type stripper, which is WebAssembly that all of them share. V8 frees its wrappers for calls
// out of it when better ones are made, which can be while another thread ends that owns them: the process then dies of a segmentation fault
// (about one thread in thousands). They are not made better: nobody calls the stripper often enough for it to matter.
const flag = '--wasm-wrapper-tiering-budget=2147483647'
setFlagsFromString(flag)

/** As `makeFolder` of the settings, which is not loaded yet: Node's own way tries for ever under /proc. */
const makeFolder = (path) => {
  if (existsSync(path)) return
  if (dirname(path) !== path) makeFolder(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

// Settings are checked in main; whatever stands here wrongly only costs the cache. Nothing is written outside the data folder.
const data = process.env.PATCHBAY_DATA?.trim() || './data'
const folder = join(data, 'cache', 'compile')
try {
  // Before the cache makes it with everybody's rights: what is kept is for its owner's eyes only.
  makeFolder(data)
  if (!existsSync(folder)) {
    const env = { ...process.env, NODE_COMPILE_CACHE: folder }
    // With the same flag: what was compiled with other flags is kept apart, and would not be read.
    spawnSync(process.execPath, [flag, fileURLToPath(new URL('./warm-up.js', import.meta.url))], {
      env,
      stdio: 'ignore',
      timeout: warmUpMs,
    })
  }
  enableCompileCache(folder)
} catch {
  // main names the setting and what is wrong with it.
}
process.env.NODE_COMPILE_CACHE = folder // for the worker threads

await import('./main.ts')
