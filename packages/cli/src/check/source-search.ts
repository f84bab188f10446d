import type { SourceText } from './subject.ts'

export interface Hit {
  /** `src/index.ts:12` */
  place: string
  found: string
}

/** Where a pattern is in code, comments apart. The line is that of the file as it is. */
export const search = (files: readonly SourceText[], pattern: RegExp): Hit[] =>
  files.flatMap(({ path, text, code }) =>
    [...code.matchAll(pattern)].map((match) => {
      const found = match[0].trim()
      const lines = text.split('\n')
      const line = lines.findIndex((each) => each.includes(found.split('\n')[0] ?? '')) + 1
      return { place: line > 0 ? `${path}:${line}` : path, found }
    }),
  )

/** Every module that code imports, with its place. */
export const importsOf = (files: readonly SourceText[]): Hit[] =>
  search(files, /(?:from\s+|import\s*\(\s*|import\s+|require\s*\(\s*)['"][^'"\n]+['"]/g).map(({ place, found }) => ({
    place,
    found: /['"]([^'"]+)['"]/.exec(found)?.[1] ?? '',
  }))
