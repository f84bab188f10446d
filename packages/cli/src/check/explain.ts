import { readFile } from 'node:fs/promises'
import { rules } from './rules.ts'

/** Beside the code in the packed kit; among the documentation in a checkout. */
const folders = [
  new URL('../../docs/check/', import.meta.url),
  new URL('../../../../docs/plugins/check/', import.meta.url),
]

/** The page of a rule; undefined for an id that is none. */
export async function explain(id: string): Promise<string | undefined> {
  if (!rules.some((rule) => rule.id === id)) return undefined
  let missing: unknown
  for (const folder of folders) {
    try {
      return await readFile(new URL(`${id}.md`, folder), 'utf8')
    } catch (error) {
      missing = error
    }
  }
  throw new TypeError(`The page of ${id} is in none of its places.`, { cause: missing })
}
