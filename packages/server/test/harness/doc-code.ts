import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const docs = fileURLToPath(new URL('../../../../docs/', import.meta.url))
const limitMs = 20_000

/** The n-th fenced block of a language on a page of the documentation. */
export const docCode = async (page: string, language: string, n = 0): Promise<string> => {
  const text = await readFile(join(docs, page), 'utf8')
  const blocks = [...text.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language)
  const code = blocks[n]?.[2]
  if (code === undefined) throw new Error(`${page} has no block ${n} of ${language}`)
  return code
}

/** Runs a script of the documentation as it stands there: what it printed. */
export const runDocCode = async (
  code: string,
  options: { folder: string; file: string; env: Record<string, string> },
): Promise<string> => {
  const file = join(options.folder, options.file)
  await writeFile(file, code)
  const env = { ...process.env, ...options.env }
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: limitMs })
  return stdout
}
