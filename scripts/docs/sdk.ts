import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { API, type Project, type Symbol, SymbolFlags } from 'typescript/unstable/sync'
import { createReader, type Declared, kinds, type Told } from './declared.ts'
import { type Generated, GenerateError, load, root } from './generator.ts'
import { toJsonType } from './json-type.ts'
import { isRecord, textOf, toPage, toTable } from './page.ts'

const sdk = 'packages/sdk'
/** There is none on the disk: it names the entries of the SDK and nothing else, so that the compiler reads little. */
const configFile = join(root, sdk, 'tsconfig.reference.json')

const titles: Record<Declared['kind'], string> = {
  function: 'Functions',
  class: 'Classes',
  value: 'Values',
  interface: 'Interfaces',
  type: 'Types',
}

interface Entry {
  specifier: string
  exports: readonly { name: string; declared: Declared }[]
  /** Exported by an entry before this one. */
  again: readonly string[]
}

const entryFiles = (): [specifier: string, file: string][] => {
  const { exports } = JSON.parse(readFileSync(join(root, sdk, 'package.json'), 'utf8'))
  if (!isRecord(exports)) throw new GenerateError(`${sdk}/package.json has no exports`)
  return Object.entries(exports).map(([key, file]) => [`@patchbay/sdk${key.slice(1)}`, join(root, sdk, String(file))])
}

/** Opens the sources of the SDK in the compiler, which is asked for what they export. */
function openProject(files: readonly string[]): { project: Project; close: () => void } {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noLib: true, types: [] },
    include: [],
    files,
  }
  const api = new API({
    cwd: root,
    fs: {
      readFile: (path) => (path === configFile ? JSON.stringify(config) : undefined),
      fileExists: (path) => (path === configFile ? true : undefined),
    },
  })
  const project = api.updateSnapshot({ openProjects: [configFile] }).getProject(configFile)
  if (!project) throw new GenerateError('the compiler does not open the sources of the SDK')
  return { project, close: () => api.close() }
}

function readExports(project: Project, file: string): { name: string; symbol: Symbol }[] {
  const source = project.program.getSourceFile(file)
  const module = source && project.checker.getSymbolAtLocation(source)
  if (!module) throw new GenerateError(`${file} exports nothing`)
  return project.checker.getExportsOfModule(module).map((symbol) => ({
    name: symbol.name,
    symbol: (symbol.flags & SymbolFlags.Alias) === 0 ? symbol : project.checker.getAliasedSymbol(symbol),
  }))
}

function readEntries(): Entry[] {
  const entries = entryFiles()
  const { project, close } = openProject(entries.map(([, file]) => file))
  try {
    const read = createReader(project.emitter)
    const known = new Set<number>()
    const silent: string[] = []
    const told = entries.map(([specifier, file]) => {
      const all = readExports(project, file)
      const fresh = all.filter(({ symbol }) => !known.has(symbol.id))
      for (const { symbol } of fresh) known.add(symbol.id)
      const exports = fresh.map(({ name, symbol }) => {
        // A schema and the type made of it have one name: the type is what a plugin uses, the comment may stand with either.
        const declarations = symbol.declarations.flatMap((each) => read(name, each.resolve(project)) ?? [])
        const last = declarations.at(-1)
        const declared = last && { ...last, doc: last.doc || (declarations[0]?.doc ?? '') }
        if (!declared) throw new GenerateError(`${name} of ${specifier} is declared in a way that cannot be told`)
        if (declared.doc === '') silent.push(`${name} of ${specifier}`)
        return { name, declared }
      })
      return { specifier, exports, again: all.filter((each) => !fresh.includes(each)).map(({ name }) => name) }
    })
    if (silent.length > 0) throw new GenerateError(`no comment on ${silent.join(', ')}`)
    return told
  } finally {
    close()
  }
}

/** The members of a type that is made from a schema, or the type in one line. */
async function readSchema(declared: Declared): Promise<Declared> {
  if (declared.schema === undefined) return declared
  const { file, name } = declared.schema
  const schema = (await load(relative(root, file)))[name]
  if (!isRecord(schema)) throw new GenerateError(`${name} of ${file} is no schema`)
  const { properties } = schema
  const type = `type ${declared.signature}`
  if (!isRecord(properties)) return { ...declared, signature: `${type} = ${toJsonType(schema)}` }
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
  const members = Object.entries(properties).map(([key, of]) => ({
    signature: `${key}${required.has(key) ? '' : '?'}: ${toJsonType(of)}`,
    doc: isRecord(of) ? textOf(of, 'description') : '',
  }))
  return { ...declared, signature: type, members }
}

const toMember = ({ signature, doc }: Told): string => `- \`${signature}\`${doc === '' ? '' : `: ${doc}`}`

const toSection = (name: string, { signature, doc, examples, members }: Declared): string =>
  [
    `#### ${name}`,
    doc,
    ...(signature.endsWith(` ${name}`) && !signature.includes('=') ? [] : [`\`\`\`ts\n${signature}\n\`\`\``]),
    ...(members.length > 0 ? [members.map(toMember).join('\n')] : []),
    ...examples.map((example) => `For example:\n\n\`\`\`ts\n${example}\n\`\`\``),
  ].join('\n\n')

async function toDeprecations(): Promise<string> {
  const { apiVersion, deprecations } = await load(`${sdk}/src/index.ts`)
  const rows = Array.isArray(deprecations) ? deprecations.filter(isRecord) : []
  if (rows.length === 0) return `Nothing is deprecated in version ${String(apiVersion)} of the plugin API.`
  const columns = ['name', 'since', 'gone', 'instead'] as const
  return toTable(
    ['what', 'since', 'gone in', 'instead'],
    rows.map((row) =>
      columns.map((column) => (column === 'name' ? `\`${textOf(row, column)}\`` : textOf(row, column))),
    ),
  )
}

/** docs/reference/sdk.md, from the types and comments that the SDK exports. */
export async function generateSdk(): Promise<Generated[]> {
  const parts: string[] = []
  for (const { specifier, exports, again } of readEntries()) {
    parts.push(`## ${specifier}`)
    if (again.length > 0) parts.push(`Exports also, as above: ${again.map((name) => `\`${name}\``).join(', ')}.`)
    for (const kind of kinds) {
      const those = exports.filter(({ declared }) => declared.kind === kind)
      if (those.length > 0) parts.push(`### ${titles[kind]}`)
      for (const { name, declared } of those.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
        parts.push(toSection(name, await readSchema(declared)))
    }
  }
  parts.push('## Deprecated', await toDeprecations(), 'What a warning means: [versions](../plugins/versions.md).')
  const text = toPage(
    'The SDK',
    'the types and comments of packages/sdk',
    'All that a plugin may import, by entry and kind. How the parts work together is told in [write a plugin](../plugins/write-one.md) and the pages beside it.',
    ...parts,
  )
  return [{ path: 'docs/reference/sdk.md', text }]
}
