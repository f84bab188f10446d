import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unpackArchive } from '@patchbay/plugin-host/packages/unpack'
import { afterAll, beforeAll, expect, test } from 'vitest'

// What an author has: the packed packages, and the compiler with the settings of the kit. One run of it is for everything.
const root = fileURLToPath(new URL('../../../', import.meta.url))
const kinds = fileURLToPath(new URL('fixtures/kinds/', import.meta.url))
const packed = ['contracts', 'dtls', 'sdk']
/** What npm would bring for them, and from where it is taken. */
const brought = { typebox: 'packages/sdk', fastify: 'packages/sdk', liquidjs: 'packages/sdk', '@types/node': '.' }
const commandMs = 60_000

const node = async (...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, args, { timeout: commandMs })).stdout

let work: string
let folder: string
/** What the compiler said: its errors, and the files that it read. */
let said: readonly string[]

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'patchbay-types-'))
  folder = join(work, 'acme')
  await node(join(root, 'scripts/pack-packages.ts'), join(work, 'kit'))
  await node(join(root, 'packages/create-plugin/src/main.ts'), folder, '--kind', 'codec')
  for (const name of packed) {
    const target = join(folder, 'node_modules/@patchbay', name)
    await mkdir(target, { recursive: true })
    await unpackArchive(await readFile(join(work, `kit/patchbay-${name}-0.1.0.tgz`)), target)
  }
  await mkdir(join(folder, 'node_modules/@types'))
  for (const [name, from] of Object.entries(brought))
    await symlink(join(root, from, 'node_modules', name), join(folder, 'node_modules', name))
  await rm(join(folder, 'src'), { recursive: true })
  await cp(kinds, join(folder, 'src/kinds'), { recursive: true })
  const compile = node(join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--listFiles')
  said = (await compile.catch((error: { stdout: string }) => error.stdout)).trim().split('\n')
}, commandMs)
afterAll(() => rm(work, { recursive: true, force: true }))

const errorsIn = (path: string): string[] => said.filter((line) => line.includes('error TS') && line.includes(path))

test('a plugin of each kind is compiled against the packed SDK, and what is wrong in one is refused', async () => {
  const files = await readdir(kinds)
  expect(files.length).toBeGreaterThanOrEqual(6)
  expect(errorsIn('')).toEqual([])
  for (const file of files) expect(said).toContain(join(folder, 'src/kinds', file))
  // The packed types are what was read, not the sources beside this test.
  expect(said).toContain(join(folder, 'node_modules/@patchbay/sdk/dist/context.d.ts'))
  expect(said.filter((line) => line.includes('/packages/sdk/src/'))).toEqual([])
})
