import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeFolder } from './make-folder.ts'

test('a folder is made with those above it, and again', async () => {
  const root = await mkdtemp(join(tmpdir(), 'patchbay-folder-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const path = join(root, 'a', 'b', 'c')
  for (let again = 0; again < 2; again += 1) await makeFolder(path, 0o700)
  expect((await stat(path)).mode & 0o777).toBe(0o700)
  await writeFile(join(path, 'file'), '')
  await expect(makeFolder(join(path, 'file'), 0o700)).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(path, 'file', 'x'), 0o700)).rejects.toMatchObject({ code: 'ENOTDIR' })
})

test.runIf(process.platform === 'linux')(
  'where nothing can be made it says so, and does not try for ever',
  async () => {
    await expect(makeFolder('/proc/patchbay/data', 0o700)).rejects.toMatchObject({ code: 'ENOENT' })
  },
)
