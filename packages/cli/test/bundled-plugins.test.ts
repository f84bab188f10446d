import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPlugin } from '../src/build-plugin.ts'
import { checkPlugin, reaches } from '../src/check/check-plugin.ts'
import { toReport } from '../src/check/report.ts'

// What comes with Patchbay is nothing that a stranger could not have made: each is built to one file, as the kit does it, and checked by every
// rule. In the repository they run from their sources, so entry and libraries differ. And a field may name a setting of the environment, since
// the platform's own ports are settings; a stranger's could name a secret so, and is refused. Nothing else is theirs alone.
const plugins = fileURLToPath(new URL('../../../plugins/', import.meta.url))
const names = (await readdir(plugins, { withFileTypes: true })).filter((of) => of.isDirectory()).map(({ name }) => name)

/** Fields that settings of the environment beat, by plugin. */
const settings: Readonly<Record<string, number>> = {
  'adapter-amqp': 1,
  'adapter-coap': 2,
  'adapter-grpc': 1,
  'adapter-mqtt': 4,
  'gateway-mqtt': 1,
}
const setting = /\n *setting: 'PATCHBAY_\w+',/g

let work: string
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'patchbay-bundled-'))
})
afterAll(() => rm(work, { recursive: true, force: true }))

/** The folder that a stranger would have of it. */
async function stage(name: string): Promise<string> {
  const from = join(plugins, name)
  const folder = join(work, name)
  await mkdir(folder)
  for (const entry of await readdir(from))
    if (entry === 'node_modules') await symlink(join(from, entry), join(folder, entry))
    else await cp(join(from, entry), join(folder, entry), { recursive: true })
  let found = 0
  for (const path of await readdir(join(folder, 'src'), { recursive: true })) {
    const file = join(folder, 'src', path)
    const text = path.endsWith('.ts') ? await readFile(file, 'utf8') : ''
    found += [...text.matchAll(setting)].length
    if (text.search(setting) >= 0) await writeFile(file, text.replaceAll(setting, ''))
  }
  expect(found).toBe(settings[name] ?? 0)
  const manifest = JSON.parse(await readFile(join(from, 'plugin.json'), 'utf8'))
  await writeFile(join(folder, 'plugin.json'), JSON.stringify({ ...manifest, entry: 'dist/index.js' }))
  const { dependencies, devDependencies, ...pack } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8'))
  const built = { ...pack, devDependencies: { ...dependencies, ...devDependencies } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(built))
  return folder
}

test('there are plugins to look at', () => expect(names.length).toBeGreaterThan(15))

test.for(names)('%s is built and checked as a stranger’s would be', { timeout: 60_000 }, async (name) => {
  const folder = await stage(name)
  const schema: unknown = JSON.parse(await readFile(join(folder, 'config.schema.json'), 'utf8'), (key, value) =>
    key === 'x-setting' ? undefined : value,
  )
  await buildPlugin(folder)
  expect(JSON.parse(await readFile(join(folder, 'config.schema.json'), 'utf8'))).toEqual(schema)
  const verdicts = await checkPlugin(folder)
  expect(reaches(verdicts, 'recommended'), toReport(verdicts)).toBe(true)
})
