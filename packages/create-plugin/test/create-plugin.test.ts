import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { kinds } from '../src/create-plugin.ts'
import { run } from '../src/run.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'patchbay-create-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

test.for(kinds)('a new %s has the folder’s name as its id, everywhere', async (kind) => {
  const folder = join(root, 'acme-meter')
  expect(await run([folder, '--kind', kind])).toMatchObject({ code: 0, text: expect.stringContaining('npm test') })
  expect((await readdir(folder)).toSorted()).toEqual(
    ['.gitignore', 'README.md', 'package.json', 'plugin.json', 'src', 'tsconfig.json'].toSorted(),
  )
  expect(JSON.parse(await readFile(join(folder, 'plugin.json'), 'utf8')).id).toBe('acme-meter')
  const code = await readFile(join(folder, 'src/index.ts'), 'utf8')
  expect(code).toContain("'acme-meter'")
  expect(code).not.toContain('my-plugin')
  const { name, devDependencies, dependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  expect([name, dependencies, devDependencies['@patchbay/sdk']]).toEqual(['acme-meter', undefined, '0.1.0'])
})

// What a template does is tried with the packed kit; here the page must show the very same.
test.for(['adapter', 'source', 'sink', 'bridge', 'codec'])('the page of a %s shows its template', async (kind) => {
  const page = await readFile(new URL(`../../../docs/plugins/${kind}.md`, import.meta.url), 'utf8')
  const template = await readFile(new URL(`../templates/${kind}/src/index.ts`, import.meta.url), 'utf8')
  expect(/```ts[^\n]*\n([^]*?)```/.exec(page)?.[1]).toBe(template)
})

test.for(kinds)('the page of a new %s names each field, and how to change them', async (kind) => {
  const read = (path: string) => readFile(new URL(`../templates/${kind}/${path}`, import.meta.url), 'utf8')
  const [readme, code] = [await read('README.md'), await read('src/index.ts')]
  const fields = [...code.matchAll(/(\w+): field\.\w+\(\{ title: '([^']+)'/g)]
  expect(fields.length).toBe(code.split(/\bfield\.\w+\(/).length - 1)
  for (const [, name, title] of fields)
    expect(readme).toMatch(new RegExp(`^\\| \`${name}\` +\\| ${title?.split(' ')[0]}`, 'm'))
  for (const section of ['## When it fails', '## Change it', '`npm run build`']) expect(readme).toContain(section)
})

test('a kit of tarballs is named part by part', async () => {
  const folder = join(root, 'acme-meter')
  await run([folder, '--kind', 'codec', '--from', '/kit'])
  const { devDependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  for (const part of ['contracts', 'dtls', 'sdk', 'plugin-host', 'testkit', 'cli'])
    expect(devDependencies[`@patchbay/${part}`]).toBe(`file:/kit/patchbay-${part}-0.1.0.tgz`)
})

test('nothing is written over, and a name that is no id is refused', async () => {
  const full = join(root, 'full')
  await mkdir(full)
  await writeFile(join(full, 'mine.txt'), 'mine')
  expect(await run([full, '--kind', 'codec'])).toMatchObject({ code: 1, text: expect.stringContaining('not empty') })
  expect(await readdir(full)).toEqual(['mine.txt'])
  for (const name of ['Acme', 'acme_meter', '9acme', 'a'.repeat(49)])
    expect((await run([join(root, name), '--kind', 'codec'])).code).toBe(1)
  expect(await readdir(root)).toEqual(['full'])
})

test('a command that is none is answered with how it goes', async () => {
  for (const args of [[], ['acme'], ['acme', '--kind', 'toaster'], ['acme', '--what']])
    expect(await run(args)).toMatchObject({ code: 2, text: expect.stringContaining('--kind <adapter') })
})
