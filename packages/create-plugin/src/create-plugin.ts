import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const kinds = ['adapter', 'source', 'sink', 'bridge', 'codec', 'alert-channel', 'access-provider'] as const
export type Kind = (typeof kinds)[number]
export const isKind = (text: string): text is Kind => kinds.some((kind) => kind === text)

/** The folder or its name does not do; the message says why. */
export class CreateRefused extends Error {
  override readonly name = 'CreateRefused'
}

export interface CreateOptions {
  folder: string
  kind: Kind
  /** Packed tarballs of the kit, used instead of the registry. */
  from?: string
}

/** As the manifest wants it, with room for what the platform puts before it. */
const idPattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const maxIdChars = 48

const templates = fileURLToPath(new URL('../templates/', import.meta.url))
const kit = ['contracts', 'dtls', 'sdk', 'plugin-host', 'testkit', 'cli']

/** Where npm gets the kit from: by version, or every part of it from a folder. */
async function kitOf(from: string | undefined): Promise<Record<string, string>> {
  const own: unknown = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  const version =
    typeof own === 'object' && own !== null && 'version' in own && typeof own.version === 'string' ? own.version : ''
  if (from === undefined) return { '@patchbay/cli': version, '@patchbay/sdk': version, '@patchbay/testkit': version }
  return Object.fromEntries(
    kit.map((name) => [`@patchbay/${name}`, `file:${join(from, `patchbay-${name}-${version}.tgz`)}`]),
  )
}

const packageJson = (id: string, parts: Record<string, string>): string =>
  `${JSON.stringify(
    {
      name: id,
      version: '1.0.0',
      private: true,
      type: 'module',
      scripts: {
        build: 'patchbay plugin build .',
        pretest: 'patchbay plugin build .',
        test: 'tsc && vitest run',
        dev: 'patchbay plugin dev .',
        check: 'patchbay plugin build . && patchbay plugin check .',
        pack: 'patchbay plugin build . && patchbay plugin pack .',
      },
      devDependencies: { ...parts, '@types/node': '24.19.2', typescript: '7.0.2', vitest: '5.1.1' },
      engines: { node: '>=22.12' },
    },
    undefined,
    2,
  )}\n`

const tsconfig = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      types: ['node'],
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      erasableSyntaxOnly: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
    },
    include: ['src'],
  },
  undefined,
  2,
)}\n`

/** Writes a plugin of this kind into a new or empty folder; the folder's name becomes its id. */
export async function createPlugin({ folder, kind, from }: CreateOptions): Promise<void> {
  const id = basename(folder)
  if (!idPattern.test(id) || id.length > maxIdChars)
    throw new CreateRefused(
      `"${id}" cannot be a plugin's id: lower-case words with hyphens between them, at most ${maxIdChars} characters.`,
    )
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0) throw new CreateRefused(`${folder} is not empty.`)
  const source = join(templates, kind)
  const entries = await readdir(source, { recursive: true, withFileTypes: true })
  const files = new Map<string, string>()
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name)
    files.set(relative(source, path).split(sep).join('/'), await readFile(path, 'utf8'))
  }
  files.set('package.json', packageJson(id, await kitOf(from)))
  files.set('tsconfig.json', tsconfig)
  // npm leaves a file of this name out of a package, so it is made here.
  files.set('.gitignore', 'node_modules/\ndist/\n*.tgz\n')
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text.replaceAll('my-plugin', id))
  }
}
