import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const docs = fileURLToPath(new URL('../../../docs/plugins/', import.meta.url))

/** A fenced block of the documentation for authors. */
export interface DocBlock {
  /** The page without its ending, such as `codec` or `check/api-range`. */
  page: string
  language: string
  /** What stands after the language: the file that it is, `of a plugin`, or `not run:` with the reason. */
  info: string
  code: string
  /** Its place among the blocks of its language on the page. */
  n: number
}

/** Every fenced block of every page, in order. */
export function readBlocks(): DocBlock[] {
  const pages = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'))
  return pages.toSorted().flatMap((path) => {
    const seen = new Map<string, number>()
    const text = readFileSync(join(docs, path), 'utf8')
    return [...text.matchAll(/^```(\w*) ?([^\n]*)\n([\s\S]*?)^```$/gm)].map(
      ([, language = '', info = '', code = '']) => {
        const n = seen.get(language) ?? 0
        seen.set(language, n + 1)
        return { page: path.replace(/\.md$/, ''), language, info, code, n }
      },
    )
  })
}

/** The module that a block is, and its place in a project of its page. */
export function toModule({ page, info, code, n }: DocBlock): { path: string; text: string } {
  if (info !== 'of a plugin') return { path: `${page}/${info === '' ? `block-${n}.ts` : info}`, text: code }
  const config = /^config:/m.test(code) ? '' : 'config: {},\n'
  const text = `import { definePlugin, field } from '@patchbay/sdk'\nexport default definePlugin({\nsetup() {},\n${config}${code}})\n`
  return { path: `${page}/block-${n}.ts`, text }
}
