// Makes the packages that authors of plugins use: plain JavaScript with types beside it, one tarball each. Node does not strip types
// inside node_modules, so nothing is packed as TypeScript. Usage: node scripts/pack-packages.ts [folder]
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packArchive } from '../packages/plugin-host/src/packages/pack.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const names = ['contracts', 'dtls', 'sdk', 'plugin-host', 'testkit', 'cli', 'create-plugin']
/** The least Node that runs it; what needs no more than the platform's own has none of its own. */
const engines: Record<string, string> = { testkit: '>=22.12', cli: '>=22.12' }

interface PackageJson {
  name: string
  version: string
  exports?: Record<string, string>
  bin?: Record<string, string>
  dependencies?: Record<string, string>
  [more: string]: unknown
}

/** Compiles all of them at once, since they name each other; answers the folder with one folder for each. */
async function compile(work: string): Promise<string> {
  const outDir = join(work, 'out')
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: join(root, 'packages'),
      outDir,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: names.map((name) => join(root, 'packages', name, 'src')),
    exclude: [join(root, '**/*.test.ts')],
  }
  const file = join(work, 'tsconfig.json')
  await writeFile(file, JSON.stringify(config))
  await promisify(execFile)(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', file])
  return outDir
}

const built = (path: string): string => path.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, '.js')

/** What stands in the packed package.json. */
function toPublished(name: string, { private: _private, devDependencies: _dev, ...given }: PackageJson): PackageJson {
  const exports = Object.entries(given.exports ?? {}).map(([key, path]) => [
    key,
    { types: built(path).replace(/\.js$/, '.d.ts'), default: built(path) },
  ])
  const dependencies = Object.entries(given.dependencies ?? {}).map(([of, range]) => [
    of,
    range === 'workspace:*' ? given.version : range,
  ])
  const bin = Object.entries(given.bin ?? {}).map(([command, path]) => [command, built(path)])
  return {
    ...given,
    engines: { node: engines[name] ?? '>=20.19' },
    ...(exports.length > 0 ? { exports: Object.fromEntries(exports) } : {}),
    ...(dependencies.length > 0 ? { dependencies: Object.fromEntries(dependencies) } : {}),
    ...(bin.length > 0 ? { bin: Object.fromEntries(bin) } : {}),
  }
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Packs each package into `target`; answers the files' paths. */
export async function packPackages(target: string): Promise<string[]> {
  const work = await mkdtemp(join(tmpdir(), 'patchbay-packages-'))
  const made: string[] = []
  try {
    const out = await compile(work)
    await mkdir(target, { recursive: true })
    for (const name of names) {
      const source = join(root, 'packages', name)
      const staged = join(work, name)
      await cp(join(out, name, 'src'), join(staged, 'dist'), { recursive: true })
      // Modules that are JavaScript already are not the compiler's to copy.
      for (const file of await filesOf(join(source, 'src')))
        if (file.endsWith('.js')) {
          const text = (await readFile(file, 'utf8')).replaceAll(/(import\('\.[^']+)\.ts'/g, "$1.js'")
          await writeFile(join(staged, 'dist', relative(join(source, 'src'), file)), text)
        }
      if (name === 'create-plugin') await cp(join(source, 'templates'), join(staged, 'templates'), { recursive: true })
      // `patchbay plugin explain` shows them where there is no checkout.
      if (name === 'cli') await cp(join(root, 'docs/plugins/check'), join(staged, 'docs/check'), { recursive: true })
      await cp(join(root, 'LICENSE'), join(staged, 'LICENSE'))
      const given: PackageJson = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'))
      await writeFile(join(staged, 'package.json'), `${JSON.stringify(toPublished(name, given), undefined, 2)}\n`)
      const files = await filesOf(staged)
      const archive = packArchive(
        await Promise.all(
          files.map(async (file) => ({
            path: relative(staged, file).split(sep).join('/'),
            bytes: await readFile(file),
          })),
        ),
      )
      const file = join(target, `${given.name.replace('@', '').replace('/', '-')}-${given.version}.tgz`)
      await writeFile(file, archive)
      made.push(file)
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return made
}

if (import.meta.main) {
  for (const file of await packPackages(resolve(process.argv[2] ?? join(root, 'dist')))) console.log(file)
}
