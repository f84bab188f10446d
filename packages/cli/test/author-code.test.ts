import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { toManifest } from '@patchbay/plugin-host/manifest/read'
import { unpackArchive } from '@patchbay/plugin-host/packages/unpack'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readBlocks, toModule } from './doc-blocks.ts'

// What an author has: the packed packages, and the compiler with the settings of the kit. One run of it is for everything: a plugin of each
// kind, and each block of TypeScript in the documentation for authors.
const root = fileURLToPath(new URL('../../../', import.meta.url))
const kinds = fileURLToPath(new URL('fixtures/kinds/', import.meta.url))
const packed = ['contracts', 'dtls', 'sdk', 'plugin-host', 'testkit']
/** What npm would bring for them, and from where it is taken. */
const brought = {
  typebox: 'packages/sdk',
  fastify: 'packages/sdk',
  liquidjs: 'packages/sdk',
  semver: 'packages/plugin-host',
  vitest: '.',
  '@types/node': '.',
}
const commandMs = 60_000

const node = async (...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, args, { timeout: commandMs })).stdout

const blocks = readBlocks()
/** Pages of rules show pieces and what not to write; all others show what works. */
const isPiece = ({ page }: { page: string }): boolean => page.startsWith('check/')
const whole = blocks.filter((block) => !isPiece(block) && !block.info.startsWith('not run'))
const modules = whole.filter(({ language }) => language === 'ts').map(toModule)

let work: string
let folder: string
/** What the compiler said: its errors, and the files that it read. */
let said: readonly string[]

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'patchbay-author-'))
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
  const src = join(folder, 'src')
  for (const { path, text } of modules) {
    await mkdir(dirname(join(src, 'docs', path)), { recursive: true })
    await writeFile(join(src, 'docs', path), text)
  }
  // The page on tests is about any plugin: the one that the kit has made.
  await cp(join(src, 'index.ts'), join(src, 'docs/testing/src/index.ts'))
  await cp(kinds, join(src, 'kinds'), { recursive: true })
  const compile = node(join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--listFiles')
  said = (await compile.catch((error: { stdout: string }) => error.stdout)).trim().split('\n')
}, commandMs)
afterAll(() => rm(work, { recursive: true, force: true }))

const errorsIn = (path: string): string[] =>
  said.filter((line) => line.includes('error TS') && line.includes(`/src/${path}`))

test('a plugin of each kind is compiled against the packed SDK, and what is wrong in one is refused', async () => {
  const files = await readdir(kinds)
  expect(files.length).toBeGreaterThanOrEqual(7)
  expect(errorsIn('kinds/')).toEqual([])
  for (const file of files) expect(said).toContain(join(folder, 'src/kinds', file))
  // The packed types are what was read, not the sources beside this test.
  expect(said).toContain(join(folder, 'node_modules/@patchbay/sdk/dist/context.d.ts'))
  expect(said.filter((line) => line.includes('/packages/sdk/src/'))).toEqual([])
})

describe('the documentation for authors', () => {
  test('has TypeScript that compiles against the packed kit', () => {
    expect(modules.length).toBeGreaterThan(14)
    expect(errorsIn('docs/')).toEqual([])
    for (const { path } of modules) expect(said).toContain(join(folder, 'src/docs', path))
  })

  test('has plugins that the packed SDK makes', { timeout: commandMs }, async () => {
    const plugins = modules.filter(({ text }) => text.includes('export default definePlugin'))
    expect(plugins.length).toBeGreaterThan(8)
    const script = join(folder, 'load.mjs')
    const paths = plugins.map(({ path }) => `./src/docs/${path}`)
    await writeFile(
      script,
      `import { isPlugin } from '@patchbay/sdk'
for (const path of ${JSON.stringify(paths)}) {
  const { default: plugin } = await import(path)
  console.log(isPlugin(plugin) && plugin.configSchema.type === 'object' ? 'good' : path)
}`,
    )
    const lines = await node(script)
    expect(lines.trim().split('\n')).toEqual(paths.map(() => 'good'))
  })

  /** What must be there to run or to answer them is in these tests; the manifest is looked at here. */
  const elsewhere: Readonly<Record<string, string>> = {
    kit: 'packages/server/test/e2e/author-kit.test.ts',
    tutorial: 'packages/server/test/e2e/author-kit.test.ts',
    install: 'packages/server/test/e2e/install-docs.test.ts',
  }
  const others = whole.filter(({ language, page }) => language !== 'ts' && language !== '' && page !== 'manifest')
  test.for(others)('has a test for each script and answer: $page $language $n', ({ page, language, n }) => {
    const file = join(root, elsewhere[page] ?? 'none')
    if (!existsSync(file)) throw new Error(`name the test that runs block ${n} of ${language} in ${page}.md`)
    expect(readFileSync(file, 'utf8'), `${file} runs it`).toContain(
      `docCode('plugins/${page}.md', '${language}', ${n})`,
    )
  })

  test('has a manifest as a server takes it', () => {
    const [block, ...more] = whole.filter(({ language, page }) => page === 'manifest' && language === 'json')
    expect(more).toEqual([])
    expect(toManifest(JSON.parse(block?.code ?? ''), 'manifest.md').id).toBe('adapter-example')
  })

  test.for(blocks.filter(isPiece))('shows pieces that can be read: $page $language $n', ({ language, code }) => {
    if (language === 'json') return void JSON.parse(code.startsWith('{') ? code : `{${code}}`)
    if (language === 'sh') return expect(code).toMatch(/^(npm run|npx patchbay) [\w -]+\n$/)
    if (language === 'md') return undefined
    const isMember = /^\w+: /.test(code)
    expect(() => stripTypeScriptTypes(isMember ? `void { ${code} }` : code)).not.toThrow()
  })

  test('says why, where a block is not run, and names the language of each', () => {
    for (const { page, language, info, n } of blocks) {
      const where = `${page} ${language} ${n}`
      expect(['', 'ts', 'js', 'json', 'sh', 'md'], where).toContain(language)
      if (language === 'ts') expect(info, where).toMatch(/^(|of a plugin|src\/[\w./-]+\.ts|not run: .{10,})$/)
      else expect(info, where).toMatch(/^(|not run: .{10,})$/)
    }
  })
})
