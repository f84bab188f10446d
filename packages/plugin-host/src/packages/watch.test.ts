import { mkdir, mkdtemp, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '@patchbay/sdk'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchFolder } from './watch.ts'

let folder: string
let end: (() => Promise<void>) | undefined
let errors: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-watch-'))
  errors = []
})
afterEach(async () => {
  await end?.()
  await rm(folder, { recursive: true, force: true })
})
const log: Log = { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) }
/** Follows a file: what it held when the folder was last looked at. */
const follow = (path: string): { seen: string } => {
  const state = { seen: '' }
  const look = async (): Promise<void> => {
    state.seen = await readFile(join(folder, path), 'utf8').catch(() => 'not there')
  }
  end = watchFolder(folder, look, { log, recursive: true, waitMs: 5 })
  return state
}
const reaches = (state: { seen: string }, text: string) =>
  vi.waitFor(() => expect(state.seen).toBe(text), { timeout: 5_000, interval: 2 })

test.for<[string, (path: string, text: string) => Promise<void>]>([
  ['writes into the file', writeFile],
  [
    'puts another file in its place at once',
    async (path, text) => {
      await writeFile(`${path}.new`, text)
      await rename(`${path}.new`, path)
    },
  ],
  [
    'removes the file and makes it again',
    async (path, text) => {
      await unlink(path).catch(() => undefined)
      await writeFile(path, text)
    },
  ],
])('each save is heard when an editor %s', async ([, save]) => {
  await mkdir(join(folder, 'src/deep'), { recursive: true })
  const path = 'src/deep/index.ts'
  await save(join(folder, path), 'first')
  const state = follow(path)
  for (let n = 0; n < 20; n += 1) {
    await save(join(folder, path), `save ${n}`)
    await reaches(state, `save ${n}`)
  }
  expect(errors).toEqual([])
})

test('folders that come, go and come again are followed', async () => {
  const state = follow('dist/index.js')
  for (let n = 0; n < 5; n += 1) {
    await mkdir(join(folder, 'dist'))
    await reaches(state, 'not there')
    await writeFile(join(folder, 'dist/index.js'), `build ${n}`)
    await reaches(state, `build ${n}`)
    await rm(join(folder, 'dist'), { recursive: true })
    await reaches(state, 'not there')
  }
  expect(errors).toEqual([])
})
