import { generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toConfigSchemaFile } from '@patchbay/plugin-host/manifest/check'
import { findSigner } from '@patchbay/plugin-host/packages/signature'
import { hashTree } from '@patchbay/plugin-host/packages/tree-hash'
import { unpackArchive } from '@patchbay/plugin-host/packages/unpack'
import { definePlugin, field } from '@patchbay/sdk'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../src/run.ts'

let root: string
let folder: string
const plugin = definePlugin({ config: { key: field.text() }, setup() {} })
const files: Record<string, string> = {
  'plugin.json': JSON.stringify({
    manifest: 1,
    id: 'acme-feed',
    name: 'Acme feed',
    summary: 'Takes readings',
    api: '^1.0.0',
    entry: 'dist/index.js',
    config: 'config.schema.json',
    configVersion: 1,
    instances: 'many',
    runs: 'each',
    contributes: {},
    needs: { services: ['sessions'] },
    isolation: { least: 'worker' },
    docs: 'README.md',
  }),
  'package.json': JSON.stringify({ name: 'acme-feed', version: '1.0.0', type: 'module', devDependencies: { a: '1' } }),
  'config.schema.json': toConfigSchemaFile(plugin),
  'dist/index.js': `export default { [Symbol.for('patchbay.plugin')]: true, configSchema: ${JSON.stringify(plugin.configSchema)}, migrate: {}, setup() {} }`,
  'README.md': '# Acme feed\n',
  'src/index.ts': 'not packed',
  'node_modules/a/index.js': 'not packed',
}
const write = async (path: string, text: string): Promise<void> => {
  await mkdir(join(folder, path, '..'), { recursive: true })
  await writeFile(join(folder, path), text)
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'patchbay-cli-'))
  folder = join(root, 'plugin')
  for (const [path, text] of Object.entries(files)) await write(path, text)
})
afterEach(() => rm(root, { recursive: true, force: true }))

test('pack makes one file of what the manifest names, signed, and says what an admin will see', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = join(root, 'key.pem')
  await writeFile(key, privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const out = join(root, 'out.tgz')
  const { code, text } = await run(['plugin', 'pack', folder, '--key', key, '--out', out])
  expect([code, text]).toEqual([0, expect.stringContaining('services: sessions')])
  const unpacked = join(root, 'unpacked')
  await mkdir(unpacked)
  await unpackArchive(await readFile(out), unpacked)
  const tree = await hashTree(unpacked)
  expect(tree.paths).toEqual([
    'README.md',
    'config.schema.json',
    'dist/index.js',
    'package.json',
    'plugin.json',
    'signature.json',
  ])
  expect(text).toContain(tree.sha512)
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')
  expect(await findSigner(unpacked, tree, [{ name: 'acme', publicKey: raw }])).toBe('acme')
})

test('check says what a server would refuse, with its code', async () => {
  expect(await run(['plugin', 'check', folder])).toMatchObject({ code: 0, text: expect.stringContaining('good') })
  await write('config.schema.json', '{}')
  expect(await run(['plugin', 'check', folder])).toMatchObject({
    code: 1,
    text: expect.stringContaining('(PLUGIN_SCHEMA_DRIFT)'),
  })
  await write('package.json', JSON.stringify({ name: 'a', version: '1.0.0', dependencies: { a: '1' } }))
  expect(await run(['plugin', 'check', folder])).toMatchObject({
    code: 1,
    text: expect.stringContaining('(PACKAGE_RULE_BROKEN)'),
  })
})

test('build makes one file and the schema of its fields, so that a check is good, and says what is wrong otherwise', async () => {
  await write('dist/index.js', 'gone')
  await write('config.schema.json', '{}')
  await write('src/index.ts', "import { plugin } from './plugin.ts'\nexport default plugin\n")
  await write(
    'src/plugin.ts',
    `const configSchema: object = ${JSON.stringify(plugin.configSchema)}
export const plugin = { [Symbol.for('patchbay.plugin')]: true, configSchema, migrate: {}, setup(): void {} }`,
  )
  expect(await run(['plugin', 'build', folder])).toMatchObject({ code: 0 })
  expect(await readFile(join(folder, 'config.schema.json'), 'utf8')).toBe(toConfigSchemaFile(plugin))
  expect(await run(['plugin', 'check', folder])).toMatchObject({ code: 0 })
  await write('src/index.ts', 'export default 1\n')
  expect(await run(['plugin', 'build', folder])).toMatchObject({
    code: 1,
    text: expect.stringMatching(/^PLUGIN_LOAD_FAILED: /),
  })
  await write('src/index.ts', 'no JavaScript')
  expect(await run(['plugin', 'build', folder])).toMatchObject({ code: 1, text: expect.stringContaining('index.ts:1') })
})

test('a command that is none is answered with those there are', async () => {
  for (const args of [[], ['plugin'], ['plugin', 'eat', folder], ['plugin', 'pack', folder, '--what']])
    expect(await run(args)).toMatchObject({ code: 2, text: expect.stringContaining('patchbay plugin pack') })
})
