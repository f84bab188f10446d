import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createPlugin, CreateRefused, isKind, kinds } from './create-plugin.ts'

export const usage = `npm create patchbay-plugin <folder> -- --kind <${kinds.join(' | ')}> [--from <folder of packed tarballs>]`

export interface Outcome {
  code: 0 | 1 | 2
  text: string
}

/** Runs the command; what it came to is for the caller to say. */
export async function run(args: readonly string[]): Promise<Outcome> {
  let parsed
  try {
    parsed = parseArgs({
      args: [...args],
      options: { kind: { type: 'string' }, from: { type: 'string' } },
      allowPositionals: true,
    })
  } catch (error) {
    return { code: 2, text: `${error instanceof Error ? error.message : String(error)}\n${usage}` }
  }
  const [folder] = parsed.positionals
  const { kind, from } = parsed.values
  if (folder === undefined || kind === undefined || !isKind(kind)) return { code: 2, text: usage }
  try {
    await createPlugin({ folder: resolve(folder), kind, ...(from === undefined ? {} : { from: resolve(from) }) })
  } catch (error) {
    if (error instanceof CreateRefused) return { code: 1, text: error.message }
    throw error
  }
  return {
    code: 0,
    text: `${basename(resolve(folder))} is there. Next:\n  cd ${folder}\n  npm install\n  npm test\n  npm run pack`,
  }
}
