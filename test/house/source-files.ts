import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface SourceFile {
  /** From the root, with forward slashes. */
  path: string
  text: string
}

const skipped = new Set(['node_modules', 'dist', 'fixtures', 'templates', 'coverage'])

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (skipped.has(entry.name) || entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (/\.(ts|mjs|js|vue)$/.test(entry.name)) yield path
  }
}

/** Every source file of the house. */
export const readSources = (): SourceFile[] =>
  ['packages', 'plugins', 'console', 'bench', 'scripts', 'test'].flatMap((folder) =>
    [...walk(join(root, folder))].map((path) => ({
      path: relative(root, path).split(sep).join('/'),
      text: readFileSync(path, 'utf8'),
    })),
  )

export const isTest = (path: string): boolean => /\.test\.ts$|\/(test|suites)\//.test(path)

export const lineCount = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
