import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const warmUp = fileURLToPath(new URL('../../src/warm-up.js', import.meta.url))

test('filling the compile cache leaves nothing beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-warm-up-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache') }
  // It ends as main does that refuses its settings.
  await expect(promisify(execFile)(process.execPath, [warmUp], { cwd: folder, env })).rejects.toMatchObject({ code: 2 })
  expect(await readdir(folder)).toEqual(['cache'])
}, 30_000)
