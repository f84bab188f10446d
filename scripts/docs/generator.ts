import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isRecord } from './page.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A file to be written: its path from the root and its whole text. */
export interface Generated {
  path: string
  text: string
}

/** Something that a page is made from is missing or has another form; the message says what. */
export class GenerateError extends Error {
  override readonly name = 'GenerateError'
}

/** Loads a module of the house by its path from the root. */
export async function load(path: string): Promise<Record<string, unknown>> {
  const file = join(root, path)
  if (!existsSync(file)) throw new GenerateError(`${path} is missing`)
  try {
    const module: unknown = await import(pathToFileURL(file).href)
    if (isRecord(module)) return module
  } catch (cause) {
    throw new GenerateError(`${path} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
  throw new GenerateError(`${path} is no module`)
}
