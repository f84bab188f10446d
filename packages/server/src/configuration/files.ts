import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { toDemand, toSentence, type Demand, type Source } from './wanted.ts'
import { parseYaml, yamlFault } from './yaml-text.ts'

/** All files together. */
export const maxConfigurationBytes = 16 * 1024 * 1024
const maxFiles = 1000
const maxToldFaults = 3

/** Files that cannot be used as they are; the message names file and path. */
export class ConfigurationFault extends Error {
  override readonly name = 'ConfigurationFault'
}

/** The path itself, or the YAML files right in the folder, in order of their names. */
export async function listFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path]
  // Kubernetes keeps the true files of a mounted map in folders that begin with two dots.
  const names = (await readdir(path)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort()
  if (names.length > maxFiles) throw new ConfigurationFault(`${path} has ${names.length} files; ${maxFiles} are read.`)
  return names.map((name) => join(path, name))
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export async function readSources(path: string): Promise<Source[]> {
  const sources: Source[] = []
  let bytes = 0
  let files: string[]
  try {
    files = await listFiles(path)
  } catch (cause) {
    if (cause instanceof ConfigurationFault) throw cause
    throw new ConfigurationFault(`${path} cannot be read: ${reasonOf(cause)}.`, { cause })
  }
  for (const file of files) {
    const name = basename(file)
    let text: string
    try {
      bytes += (await stat(file)).size
      if (bytes > maxConfigurationBytes) throw new RangeError(`more than ${maxConfigurationBytes} bytes are not read`)
      text = await readFile(file, 'utf8')
    } catch (cause) {
      throw new ConfigurationFault(`${name} cannot be read: ${reasonOf(cause)}.`, { cause })
    }
    try {
      sources.push({ file: name, document: await parseYaml(text) })
    } catch (cause) {
      throw new ConfigurationFault(`${name} is not YAML: ${yamlFault(cause)}`, { cause })
    }
  }
  return sources
}

/** What the files ask for; throws ConfigurationFault where they are not as described. */
export async function readDemand(path: string): Promise<Demand> {
  const { demand, faults } = toDemand(await readSources(path))
  if (faults.length === 0) return demand
  const more = faults.length > maxToldFaults ? ` (and ${faults.length - maxToldFaults} more)` : ''
  throw new ConfigurationFault(`${faults.slice(0, maxToldFaults).map(toSentence).join('; ')}${more}.`)
}

/** Changes whenever a file does. */
export async function fingerprint(path: string): Promise<string> {
  const parts: string[] = []
  for (const file of await listFiles(path)) {
    const { mtimeMs, size, ino } = await stat(file)
    parts.push(`${file} ${mtimeMs} ${size} ${ino}`)
  }
  return parts.join('\n')
}
