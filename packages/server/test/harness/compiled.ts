import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const warmUp = fileURLToPath(new URL('../../src/warm-up.js', import.meta.url))

/** Compiles what a first start does, once for all suites: elsewhere first, so that none of them finds half of it. */
const fill = async (compiled: string, args: readonly string[]): Promise<void> => {
  const mine = `${compiled}.${process.pid}`
  const child = spawn(process.execPath, [...args, warmUp], {
    env: { ...process.env, NODE_COMPILE_CACHE: mine },
    stdio: 'ignore',
  })
  await once(child, 'close')
  // Another file may have been quicker: then this one goes.
  await rename(mine, compiled).catch(() => rm(mine, { recursive: true, force: true }))
}

/** Gives a new data folder what every first start compiles, about a second of it. Suites that look at a first start leave it out. */
export const shareCompiled = async (data: string, args: readonly string[]): Promise<void> => {
  const shared = process.env['TEST_COMPILE_CACHE']
  const cache = join(data, 'cache')
  if (shared === undefined || !existsSync(data) || existsSync(cache)) return
  const compiled = join(shared, 'compile')
  if (!existsSync(compiled)) await fill(compiled, args)
  await mkdir(cache, { mode: 0o700 })
  await symlink(compiled, join(cache, 'compile'))
}
