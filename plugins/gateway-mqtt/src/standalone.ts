import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readLists, type ReadLists } from './document-lists.ts'
import { fillEnvironment } from './environment.ts'
import { type Listener, readListeners } from './listeners.ts'

export const maxFileBytes = 4 * 1024 * 1024
const endLine = '#END'

type Environment = Readonly<Record<string, string | undefined>>

/** Loaded with the first file: a gateway without files does not need it. */
const parseYaml = async (text: string): Promise<unknown> => (await import('yaml')).parse(text)

async function readText(file: string): Promise<string> {
  const { size } = await stat(file)
  if (size > maxFileBytes) throw new RangeError(`it has ${size} bytes; ${maxFileBytes} are read`)
  return readFile(file, 'utf8')
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)

/** The listeners of the folder's config.yaml. */
export async function readConfigFile(
  folder: string,
  env: Environment,
): Promise<{ listeners: Listener[]; problems: string[] }> {
  try {
    return readListeners(fillEnvironment(await parseYaml(await readText(join(folder, 'config.yaml'))), env))
  } catch (error) {
    return { listeners: [], problems: [`config.yaml cannot be read: ${reasonOf(error)}`] }
  }
}

/** apisix.yaml, looked at again and again. */
export interface RouteFile {
  /** Its lists when they are new; undefined when nothing has changed, or it is still being written. */
  poll(): Promise<ReadLists | undefined>
  /** Why it cannot be read; the lists that were read last stay in force. */
  readonly problem: string | undefined
}

export function createRouteFile(folder: string, env: Environment): RouteFile {
  const file = join(folder, 'apisix.yaml')
  let seen = ''
  let problem: string | undefined
  return {
    get problem() {
      return problem
    },
    async poll() {
      try {
        const { mtimeMs, size, ino } = await stat(file)
        const now = `${mtimeMs} ${size} ${ino}`
        if (now === seen) return undefined
        const text = await readText(file)
        // Without its last line it is still being written: it is looked at again.
        if (text.trimEnd().split('\n').at(-1)?.trim() !== endLine) {
          problem = 'apisix.yaml does not end with #END'
          return undefined
        }
        seen = now
        problem = undefined
        return readLists(fillEnvironment(await parseYaml(text), env))
      } catch (error) {
        problem = `apisix.yaml cannot be read: ${reasonOf(error)}`
        return undefined
      }
    },
  }
}
