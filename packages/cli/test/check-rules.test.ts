import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toConfigSchemaFile } from '@patchbay/plugin-host/manifest/check'
import { definePlugin, field } from '@patchbay/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkPlugin, tierReached } from '../src/check/check-plugin.ts'
import { toReport } from '../src/check/report.ts'
import { pageOf } from '../src/check/rule.ts'
import { rules as ownRules } from '../src/check/rules.ts'
import { noDeprecated } from '../src/check/rules/no-deprecated.ts'
import { run } from '../src/run.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const gone = { since: '1.0.0', gone: '2.0.0' }
/** Nothing is deprecated now, so this rule has a table of the tests' own. */
const rules = ownRules.map((rule) =>
  rule.id === 'no-deprecated'
    ? noDeprecated([
        { ...gone, name: 'ctx.every', instead: 'Use ctx.repeat.' },
        { ...gone, name: 'ctx.sessions.relay', instead: 'Use ctx.relay.' },
        { ...gone, name: 'api ~0.9.0', instead: 'Say ^1.0.0.' },
      ])
    : rule,
)
type Json = Record<string, any>
type Files = Record<string, string>

/** What a built entry says of itself, without the SDK in it. */
const entryOf = (plugin: { configSchema: object }, more = 'migrate: { 1: (old) => old }, verify: async () => {},') =>
  `export default { [Symbol.for('patchbay.plugin')]: true, ${more} configSchema: ${JSON.stringify(plugin.configSchema)}, setup() {} }`
const plugin = definePlugin({
  config: { host: field.host({ title: 'Host' }), token: field.secret({ title: 'Token' }) },
  setup: () => undefined,
})
const manifest: Json = {
  manifest: 1,
  id: 'acme-meter',
  name: 'Acme meter',
  summary: 'Reads a meter',
  icon: 'icon.svg',
  api: '^1.0.0',
  entry: 'dist/index.js',
  config: 'config.schema.json',
  configVersion: 2,
  instances: 'many',
  runs: 'each',
  contributes: { codecs: [{ name: 'acme-meter', title: 'Acme' }] },
  needs: { services: ['sessions'], connect: ['tcp:*:502'] },
  isolation: { least: 'worker' },
  docs: 'README.md',
}
const pack: Json = { name: 'acme-meter', version: '1.4.0', type: 'module', license: 'Apache-2.0' }
/** A plugin that nothing can be said against. */
const good: Files = {
  'plugin.json': JSON.stringify(manifest),
  'package.json': JSON.stringify(pack),
  'config.schema.json': toConfigSchemaFile(plugin),
  'dist/index.js': entryOf(plugin),
  'README.md':
    '# Acme meter\n\nReads a meter over TCP. **Host** is its address, **Token** what it lets you in by.\n\n## When it fails\n\nLook at the cable.\n',
  'CHANGELOG.md': '## 1.4.0\n\n- Began.\n',
  'icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'src/index.ts':
    "import { connect } from 'node:net'\nimport { definePlugin } from '@patchbay/sdk'\n// process.exit(1)\n",
  'src/index.test.ts':
    "import { codecContract } from '@patchbay/testkit'\ncodecContract({ options: { isolation: 'worker' } })\ntest('migrates', () => 1)\n",
}

let work: string
let count = 0
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'patchbay-check-'))
})
afterAll(() => rm(work, { recursive: true, force: true }))

const lay = async (changes: Files): Promise<string> => {
  const folder = join(work, String((count += 1)))
  for (const [path, text] of Object.entries({ ...good, ...changes })) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    if (text !== '') await writeFile(join(folder, path), text)
  }
  return folder
}
const inManifest = (more: Json): Files => ({ 'plugin.json': JSON.stringify({ ...manifest, ...more }) })
const inPack = (more: Json): Files => ({ 'package.json': JSON.stringify({ ...pack, ...more }) })
const inSource = (code: string): Files => ({ 'src/index.ts': `${good['src/index.ts']}${code}\n` })
const withFields = (fields: Json): Files => {
  const of = definePlugin({ config: fields, setup: () => undefined })
  return { 'config.schema.json': toConfigSchemaFile(of), 'dist/index.js': entryOf(of) }
}

/** One plugin for each rule, which breaks it. */
const broken: Record<string, Files> = {
  'manifest-valid': inManifest({ more: 1 }),
  'api-range': inManifest({ api: '*' }),
  'files-there': { 'README.md': '' },
  'package-version': inPack({ version: '1' }),
  'no-install-scripts': inPack({ scripts: { install: 'make' } }),
  'no-dependencies': inPack({ dependencies: { a: '1.0.0' } }),
  'entry-is-javascript': { ...inManifest({ entry: 'src/index.ts' }) },
  'no-native-code': { ...inManifest({ icon: 'fast.node' }), 'fast.node': 'x' },
  'not-privileged': inManifest({ privileged: true }),
  'level-fits': inManifest({ needs: { services: ['callers'], connect: ['tcp:*'] } }),
  'size-limits': { 'icon.svg': `<svg>${'x'.repeat(16 * 1024 * 1024)}` },
  loads: { 'dist/index.js': 'throw new Error("no meter here")' },
  'schema-current': { 'config.schema.json': '{}' },
  'known-services': inManifest({ needs: { services: ['session'], connect: ['tcp:*'] } }),
  'sdk-imports-only': inSource("import { x } from '@patchbay/core/x'"),
  'connect-declared': inManifest({ needs: {} }),
  'no-deprecated': inSource('ctx.every(5, () => 1)'),
  'no-environment': inSource('const host = process.env.HOST'),
  'no-process-exit': inSource('process.exit(1)'),
  'timers-by-context': inSource('setInterval(() => 1, 5)'),
  'fields-titled': withFields({ host: field.host({ title: 'Host' }), token: field.secret() }),
  'secrets-kept': withFields({ host: field.host({ title: 'Host' }), token: field.text({ title: 'Token' }) }),
  'migration-steps': { 'dist/index.js': entryOf(plugin, 'migrate: {}, verify() {},') },
  'readme-tells': withFields({ host: field.host({ title: 'Host' }), unit: field.text({ title: 'Unit' }) }),
  'tests-there': { 'src/index.test.ts': '' },
  'contract-suite': { 'src/index.test.ts': "startPlugin({ isolation: 'worker' }).stop() // migrate" },
  'tested-apart': { 'src/index.test.ts': 'codecContract() // isolation: "worker"' },
  'migration-tested': { 'src/index.test.ts': "codecContract({ isolation: 'worker' })" },
  'verify-offered': { 'dist/index.js': entryOf(plugin, 'migrate: { 1: (old) => old },') },
  'trouble-told': { 'README.md': `# Acme\n\nHost, Token${'.'.repeat(99)}\n` },
  'changes-told': { 'CHANGELOG.md': '## 1.3.0\n' },
  'icon-there': { 'icon.svg': '<svg onload="alert(1)"/>' },
  'licence-named': inPack({ license: undefined }),
}
const only = (id: string) => rules.filter((rule) => rule.id === id)
const foundBy = async (id: string, files: Files): Promise<readonly string[]> =>
  (await checkPlugin(await lay(files), only(id))).flatMap(({ found }) => found)

test('a plugin that nothing can be said against keeps every rule', async () => {
  const verdicts = await checkPlugin(await lay({}))
  expect(verdicts.flatMap(({ found }) => found)).toEqual([])
  expect(tierReached(verdicts)).toBe('exemplary')
})

test('every rule is tried here', () => {
  expect(Object.keys(broken).toSorted()).toEqual(rules.map(({ id }) => id).toSorted())
})

test.for(rules.map(({ id }) => id))('%s is broken by a plugin that breaks it', { concurrent: true }, async (id) => {
  const found = await foundBy(id, broken[id] ?? {})
  expect(found.length).toBeGreaterThan(0)
  expect(found.every((each) => each.length > 20)).toBe(true)
})

test('what is deprecated is found as code writes it, in the manifest, too', async () => {
  const uses = {
    'setup(host) { host.every(5, poll) }': 1,
    'const help = (c: Context): void => c.every(5, poll)': 1,
    'const { every, log } = ctx': 1,
    'const { sessions } = ctx\nsessions.relay("x", broker)': 1,
    'ctx.sessions\n  .relay("x", broker)': 1,
    'ctx.sessions?.relay("x", broker)': 1,
    // Not of the context, another member, a comment, and a name that only begins like it.
    'list.every((each) => each)\nctx.sessions.open(peer)\n// ctx.every(5)\nctx.everything()\nrelay()': 0,
  }
  for (const [code, count] of Object.entries(uses))
    expect([code, await foundBy('no-deprecated', inSource(code))]).toEqual([
      code,
      count === 0
        ? []
        : [expect.stringMatching(/^src\/index\.ts:[4-6] uses ctx\.\S+, deprecated since plugin API 1\.0\.0/)],
    ])
  expect(await foundBy('no-deprecated', inManifest({ api: '>=0.9.0 <2.0.0' }))).toEqual([
    'plugin.json: api is >=0.9.0 <2.0.0; api ~0.9.0 is deprecated since plugin API 1.0.0 and gone in 2.0.0. Say ^1.0.0.',
  ])
})

// What a page shows as good is good, and what it shows as bad is found.
describe('the examples of the page of', () => {
  const laid = (lang: string, text: string): Files | undefined => {
    if (lang === 'ts' && text.includes('import ') && text.includes('export default')) return undefined
    if (lang === 'ts') return inSource(text)
    if (lang !== 'json') return undefined
    const fragment: Json = JSON.parse(text.startsWith('{') ? text : `{${text}}`)
    const ofPack = ['version', 'scripts', 'dependencies', 'devDependencies', 'license'].some((key) => key in fragment)
    if (ofPack) return inPack(fragment)
    const { services, ...more } = fragment
    return inManifest({ ...more, ...(services ? { needs: { ...manifest['needs'], services } } : {}) })
  }
  const looksAtSource = new Set([
    'sdk-imports-only',
    'no-deprecated',
    'no-environment',
    'no-process-exit',
    'timers-by-context',
  ])
  const tried = rules.filter(
    ({ id }) => broken[id]?.['plugin.json'] ?? broken[id]?.['package.json'] ?? looksAtSource.has(id),
  )
  test.for(tried.map(({ id }) => id))('%s', async (id) => {
    const page = await readFile(join(root, pageOf(id)), 'utf8')
    const [shown, bad] = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, lang = '', text = '']) =>
      laid(lang, text),
    )
    if (shown) expect(await foundBy(id, shown)).toEqual([])
    if (bad) expect(await foundBy(id, bad)).not.toEqual([])
    expect(shown ?? bad).toBeDefined()
  })
})

describe('the answer', () => {
  test('names the rule, the place and how to read its page, and how far the plugin has come', async () => {
    const text = toReport(await checkPlugin(await lay(broken['no-environment'] ?? {})))
    expect(text).toBe(
      [
        'recommended: no-environment',
        '  src/index.ts:4 reads process.env; make it a field.',
        '  why, and how to mend it: npx patchbay plugin explain no-environment',
        'good: a server takes it; 32 of 33 rules kept, tier "required"',
      ].join('\n'),
    )
  })

  test('is an error for what a server refuses, and below the tier that was asked for', async () => {
    expect(await run(['plugin', 'check', await lay(broken['no-dependencies'] ?? {})])).toMatchObject({
      code: 1,
      text: expect.stringMatching(/^required: no-dependencies\n[\s\S]*PACKAGE_RULE_BROKEN[\s\S]*not good: a server/),
    })
    const folder = await lay(broken['icon-there'] ?? {})
    expect(await run(['plugin', 'check', folder, '--tier', 'recommended'])).toMatchObject({ code: 0 })
    expect(await run(['plugin', 'check', folder, '--tier', 'exemplary'])).toMatchObject({
      code: 1,
      text: expect.stringContaining('npx patchbay plugin explain icon-there'),
    })
    expect(await run(['plugin', 'check', folder, '--tier', 'gold'])).toMatchObject({ code: 2 })
  })

  test('lets an author leave a rule out with a reason, but not one of the server’s', async () => {
    const exempt = {
      'no-environment': 'it reads the name of the machine only',
      'trouble-told': 'short',
      'no-dependencies': 'they are very small ones',
    }
    const folder = await lay({
      ...broken['no-environment'],
      ...broken['trouble-told'],
      ...inPack({ dependencies: { a: '1' }, patchbay: { exempt } }),
    })
    const text = toReport(await checkPlugin(folder))
    expect(text).toMatch(/^required: no-dependencies/)
    const mended = await lay({
      ...broken['no-environment'],
      ...broken['trouble-told'],
      ...inPack({ patchbay: { exempt } }),
    })
    expect(toReport(await checkPlugin(mended))).toMatch(/left out {2}no-environment[^]*exemplary: trouble-told/)
  })

  test('to a manifest that cannot be read is that one rule', async () => {
    const verdicts = await checkPlugin(await lay({ 'plugin.json': '{' }))
    expect(verdicts.map(({ rule: { id } }) => id)).toEqual(['manifest-valid'])
  })

  test('to explain is the page of the rule', async () => {
    expect(await run(['plugin', 'explain', 'no-environment'])).toMatchObject({
      code: 0,
      text: await readFile(join(root, pageOf('no-environment')), 'utf8'),
    })
    expect(await run(['plugin', 'explain', '../../errors'])).toMatchObject({ code: 2 })
  })
})
