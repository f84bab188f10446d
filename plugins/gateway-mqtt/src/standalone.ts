import { readdir, readFile, stat } from 'node:fs/promises'
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

/** Differs when the file has been written again. */
async function stampOf(file: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(file)
  return `${mtimeMs} ${size} ${ino}`
}

const names = ['config.yaml', 'apisix.yaml']

/** The folder is there and has none of the files yet: nothing is wrong, it only waits for them. */
const isStillEmpty = async (folder: string, error: unknown): Promise<boolean> => {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) return false
  const found = await readdir(folder).catch(() => names)
  return !names.some((name) => found.includes(name))
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)

/** The folder's config.yaml, looked at again and again. */
export interface ConfigFile {
  /** Its listeners when they are new; undefined when nothing has changed, or it cannot be read: then those that were read last stay. */
  poll(): Promise<Listener[] | undefined>
  readonly problems: readonly string[]
}

export function createConfigFile(folder: string, env: Environment): ConfigFile {
  const file = join(folder, 'config.yaml')
  let isFirst = true
  let seen = ''
  let taken = ''
  let problems: readonly string[] = []
  return {
    get problems() {
      return problems
    },
    async poll() {
      try {
        const now = await stampOf(file)
        if (now === taken) return undefined
        // It has no last line to tell that it is whole: a change is taken when a look later it is still the same.
        const isSettled = now === seen || isFirst
        seen = now
        if (!isSettled) return undefined
        taken = now
        const read = readListeners(fillEnvironment(await parseYaml(await readText(file)), env))
        ;({ problems } = read)
        // A fault and nothing else closes no port.
        return read.isUsable ? read.listeners : undefined
      } catch (error) {
        // What was read once and is gone now is told.
        const isWaiting = taken === '' && (await isStillEmpty(folder, error))
        problems = isWaiting ? [] : [`config.yaml cannot be read: ${reasonOf(error)}`]
        return undefined
      } finally {
        isFirst = false
      }
    },
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
        const now = await stampOf(file)
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
        const isWaiting = seen === '' && (await isStillEmpty(folder, error))
        problem = isWaiting ? undefined : `apisix.yaml cannot be read: ${reasonOf(error)}`
        return undefined
      }
    },
  }
}
