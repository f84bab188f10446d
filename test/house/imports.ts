import type { SourceFile } from './source-files.ts'
import { isTest } from './source-files.ts'

export interface Import {
  specifier: string
  typeOnly: boolean
  line: number
}

const statement =
  /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w*$\s{},]+?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|\brequire\(\s*['"]([^'"]+)['"]\s*\)/gm

/** Block comments and whole-line comments become blank, so that an example in one is no import. Lines keep their numbers. */
const toCode = (text: string): string =>
  text
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ' '))
    .replaceAll(/^[ \t]*\/\/.*$/gm, '')

/** Everything a file imports or re-exports, static and dynamic. */
export function readImports(text: string): Import[] {
  const imports: Import[] = []
  const code = toCode(text)
  for (const match of code.matchAll(statement)) {
    const specifier = match[2] ?? match[3] ?? match[4]
    if (specifier === undefined) continue
    // The match may begin with the line breaks before the statement.
    const line = code.slice(0, match.index + match[0].search(/\S/)).split('\n').length
    imports.push({ specifier, typeOnly: match[1] !== undefined, line })
  }
  return imports
}

/** Which packages of the house and of others a room may import: `node:*` stands for all of Node's own. */
export interface Room {
  folder: RegExp
  house: readonly string[]
  others: readonly string[] | 'its dependencies'
  /** Allowed as a type only. */
  typesOnly?: readonly string[]
  testHouse?: readonly string[]
}

const node = 'node:*'

/** The list of docs/architecture.md. First match wins. */
export const rooms: readonly Room[] = [
  { folder: /^packages\/contracts\//, house: [], others: ['typebox'] },
  {
    folder: /^packages\/sdk\//,
    house: ['contracts', 'dtls'],
    others: ['typebox', 'liquidjs', node],
    typesOnly: ['fastify'],
  },
  { folder: /^packages\/plugin-host\//, house: ['contracts', 'sdk'], others: 'its dependencies' },
  { folder: /^packages\/testkit\//, house: ['contracts', 'sdk', 'plugin-host'], others: 'its dependencies' },
  {
    folder: /^packages\/core\//,
    house: ['contracts'],
    others: ['typebox', 'cborg', '@bufbuild/cel', '@bufbuild/re2', node],
  },
  {
    folder: /^packages\/server\//,
    house: ['contracts', 'core', 'plugin-host', 'sdk'],
    others: 'its dependencies',
    testHouse: ['testkit'],
  },
  { folder: /^packages\/cli\//, house: ['sdk', 'plugin-host'], others: ['rolldown', node] },
  { folder: /^packages\/create-plugin\//, house: [], others: [node] },
  { folder: /^packages\/dtls\//, house: [], others: [node] },
  { folder: /^plugins\/[^/]+\//, house: ['sdk'], others: 'its dependencies', testHouse: ['testkit'] },
  { folder: /^console\/src\//, house: ['contracts'], others: 'its dependencies' },
  { folder: /^bench\//, house: [], others: 'its dependencies' },
]

/** Ports and the few root files of core that every feature folder may use. */
const coreShared = /^(port|filter)\.ts$/
/** In core, one feature may also lean on these files of another, because they are its language, not its workings. */
const coreLanguage = new Set([
  'access/filter.ts',
  'people/caller.ts',
  'people/secret.ts',
  'rules/condition.ts',
  'rules/device-values.ts',
  'rules/expression.ts',
  'rules/took-too-long.ts',
])

/** The room of core where the others meet: a session hands a message to ingest, shadow and commands. */
const joiningRoom = 'sessions'

const testTools = new Set(['vitest', 'fast-check'])

export interface Packages {
  /** Names of the dependencies that a folder's package.json declares: for running, and for tests too. */
  dependencies(path: string): { run: ReadonlySet<string>; test: ReadonlySet<string> }
}

const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

const packageFolder = (path: string): string =>
  path
    .split('/')
    .slice(0, /^(bench|console)\//.test(path) ? 1 : 2)
    .join('/')

function checkRelative(path: string, specifier: string): string | undefined {
  const target = resolve(path, specifier)
  if (!/\.(ts|js|mjs|json|vue|css)$/.test(specifier)) return `names ${specifier} without its extension`
  if (/^(packages|plugins|bench|console)\//.test(path) && packageFolder(target) !== packageFolder(path)) {
    return `reaches into another package by a path: ${specifier}`
  }
  const here = /^packages\/core\/src\/([^/]+)\//.exec(path)?.[1]
  const there = /^packages\/core\/src\/([^/]+)\/(.+)$/.exec(target)
  if (here === undefined || there === null || there[1] === here || here === joiningRoom || isTest(path)) {
    return undefined
  }
  const file = there[2] ?? ''
  if (coreShared.test(file) || coreLanguage.has(`${there[1]}/${file}`)) return undefined
  return `core/${here} uses the workings of core/${there[1]}: ${file} (only its port.ts may be used)`
}

function checkHouse(path: string, room: Room, specifier: string): string | undefined {
  const name = packageName(specifier).slice('@patchbay/'.length)
  if (name === 'server') return 'imports server: nothing may'
  if (/^(adapter|sink|alert|access|bridge|gateway|source|codec)-/.test(name)) {
    const manifest = specifier.endsWith('/plugin.json')
    if (room.folder.source.includes('server') && manifest) return undefined
    if (room.folder.source.includes('server') && isTest(path)) return undefined
    return `imports the plugin ${name}`
  }
  const allowed = isTest(path) ? [...room.house, ...(room.testHouse ?? [])] : room.house
  return allowed.includes(name) ? undefined : `imports ${name}, which this room may not`
}

function checkOther(path: string, room: Room, { specifier, typeOnly }: Import, packages: Packages): string | undefined {
  const test = isTest(path)
  const name = packageName(specifier)
  if (test && testTools.has(name)) return undefined
  const isNode = specifier.startsWith('node:')
  const declared = packages.dependencies(path)
  if (room.others === 'its dependencies') {
    if (isNode || declared.run.has(name) || (test && declared.test.has(name))) return undefined
    return `imports ${name}, which its package.json does not ${declared.test.has(name) ? 'declare for running' : 'declare'}`
  }
  if (isNode && (room.others.includes(node) || test)) return undefined
  if (room.others.includes(name)) return undefined
  if (room.typesOnly?.includes(name))
    return typeOnly ? undefined : `imports ${name} as code: only its types are allowed here`
  return `imports ${name}, which this room may not`
}

/** Every import that breaks the list, as `file:line why`. */
export function checkImports(files: readonly SourceFile[], packages: Packages): string[] {
  const broken: string[] = []
  for (const { path, text } of files) {
    const room = rooms.find(({ folder }) => folder.test(path))
    for (const each of readImports(text)) {
      const { specifier } = each
      let why: string | undefined
      if (specifier.startsWith('.')) why = checkRelative(path, specifier)
      else if (!room) continue
      else if (specifier.startsWith('@patchbay/')) why = checkHouse(path, room, specifier)
      else why = checkOther(path, room, each, packages)
      if (why !== undefined) broken.push(`${path}:${each.line} ${why}`)
    }
  }
  return broken
}
