import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

const makeOne = async (path: string, mode: number): Promise<void> => {
  try {
    await mkdir(path, { mode })
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw cause
  }
}

/**
 * A folder and those above it that are missing. Not by mkdir's own `recursive`: where nothing can be made although all above is there, as
 * under /proc, Node tries for ever.
 */
export async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await makeOne(path, mode)
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT' || dirname(path) === path) throw cause
    await makeFolder(dirname(path), mode)
    await makeOne(path, mode)
  }
}
