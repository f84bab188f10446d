import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { definePlugin, field } from '@patchbay/sdk'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { manifestOf, writePackage } from '../../test/world.ts'
import { checkModule, checkPackage } from './check.ts'
import { assertCompatible } from './compatibility.ts'
import { readManifest } from './read.ts'

const plugin = definePlugin({
  config: { host: field.host(), port: field.integer({ default: 1 }) },
  setup: () => undefined,
})
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'patchbay-manifest-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe('reading', () => {
  test('gives manifest, folder and the version of package.json, from a path or a URL', async () => {
    const { manifestFile } = await writePackage(root, plugin, manifestOf('p'))
    const read = await readManifest(manifestFile)
    expect(read).toMatchObject({ manifest: { id: 'p' }, folder: join(root, 'p'), version: '2.3.4' })
    expect(await readManifest(pathToFileURL(String(manifestFile)))).toEqual(read)
  })

  test.each([
    ['an unknown field', { extra: 1 }, '/extra is not known here'],
    ['another format', { manifest: 2 }, '/manifest'],
    ['a wrong id', { id: 'Bad_Id' }, '/id'],
    ['a way out of the folder', { entry: '../x.ts' }, '/entry'],
    ['an absolute path', { docs: '/etc/passwd' }, '/docs'],
  ])('refuses %s', async (_what, more, said) => {
    const { manifestFile } = await writePackage(root, plugin, Object.assign(manifestOf('p'), more))
    await expect(readManifest(manifestFile)).rejects.toMatchObject({
      code: 'PLUGIN_MANIFEST_INVALID',
      message: expect.stringContaining(said),
    })
  })

  test('refuses what is no JSON, and a missing package.json', async () => {
    const { manifestFile } = await writePackage(root, plugin, manifestOf('p'), { 'plugin.json': '{' })
    await expect(readManifest(manifestFile)).rejects.toMatchObject({ code: 'PLUGIN_MANIFEST_INVALID' })
    await writePackage(root, plugin, manifestOf('q'))
    await rm(join(root, 'q', 'package.json'))
    await expect(readManifest(join(root, 'q', 'plugin.json'))).rejects.toMatchObject({ code: 'PLUGIN_FILE_MISSING' })
  })
})

describe('checking', () => {
  test('a package whose files are there is good', async () => {
    await writePackage(root, plugin, manifestOf('p'))
    await expect(checkPackage(manifestOf('p'), join(root, 'p'))).resolves.toBeUndefined()
  })

  test('a missing file and a link that leads out are refused', async () => {
    await writePackage(root, plugin, manifestOf('p'))
    await expect(checkPackage(manifestOf('p', { icon: 'icon.svg' }), join(root, 'p'))).rejects.toMatchObject({
      code: 'PLUGIN_FILE_MISSING',
    })
    await writeFile(join(root, 'outside.svg'), '')
    await symlink(join(root, 'outside.svg'), join(root, 'p', 'icon.svg'))
    await expect(checkPackage(manifestOf('p', { icon: 'icon.svg' }), join(root, 'p'))).rejects.toThrow(
      'outside its folder',
    )
  })

  test('the id of the host itself is refused', async () => {
    await writePackage(root, plugin, manifestOf('host'))
    await expect(checkPackage(manifestOf('host'), join(root, 'host'))).rejects.toMatchObject({
      code: 'PLUGIN_ID_TAKEN',
    })
  })

  test('a schema that is not the code’s is drift, whatever the order of its keys is not', async () => {
    await writePackage(root, plugin, manifestOf('p'))
    const folder = join(root, 'p')
    await expect(checkModule(manifestOf('p'), folder, { default: plugin })).resolves.toBe(plugin)
    await expect(checkModule(manifestOf('p'), folder, { default: {} })).rejects.toMatchObject({
      code: 'PLUGIN_LOAD_FAILED',
    })
    await expect(checkModule(manifestOf('p'), folder, undefined)).rejects.toMatchObject({ code: 'PLUGIN_LOAD_FAILED' })
    const other = definePlugin({ config: { host: field.host() }, setup: () => undefined })
    await expect(checkModule(manifestOf('p'), folder, { default: other })).rejects.toMatchObject({
      code: 'PLUGIN_SCHEMA_DRIFT',
    })
    const swapped = definePlugin({
      config: { port: field.integer({ default: 1 }), host: field.host() },
      setup: () => undefined,
    })
    await expect(checkModule(manifestOf('p'), folder, { default: swapped })).rejects.toMatchObject({
      code: 'PLUGIN_SCHEMA_DRIFT',
    })
  })
})

describe('compatibility', () => {
  test.each(['^1.0.0', '1.x', '>=1.0.0 <2.0.0', '~1.2.0'])('accepts %s for 1.2.3', (range) => {
    expect(() => assertCompatible('p', range, '1.2.3')).not.toThrow()
  })
  test.each(['*', 'x', '', '>=1.0.0', '^2.0.0', '~1.1.0', 'latest', '1.0.0 ||'])('refuses "%s" for 1.2.3', (range) => {
    expect(() => assertCompatible('p', range, '1.2.3')).toThrow(/plugin API/)
  })
})
