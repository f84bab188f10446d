import { readdir, readFile } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { join, relative, resolve, sep } from 'node:path'
import { isRecord } from '@patchbay/plugin-host/config/plain'
import { HostError, isHostError } from '@patchbay/plugin-host/errors'
import { loadIsolated } from '@patchbay/plugin-host/isolation/isolated-plugin'
import { type ReadManifest, readJson, readManifest } from '@patchbay/plugin-host/manifest/read'
import type { Log, Plugin } from '@patchbay/sdk'

/** A file of the author's, as it is and without its comments. */
export interface SourceText {
  path: string
  text: string
  code: string
}

/** What the rules look at. */
export interface Subject {
  folder: string
  manifest: ReadManifest['manifest']
  version: string
  /** package.json. */
  pack: Record<string, unknown>
  /** The page that the manifest names as `docs`; empty when it is not there. */
  readme: string
  /** Under src/ and test/, tests apart. */
  sources: readonly SourceText[]
  tests: readonly SourceText[]
  /** Loads the entry once, in a worker. */
  plugin(): Promise<Plugin>
  /** The text of a file of the folder, undefined when it is not there. */
  read(path: string): Promise<string | undefined>
}

const maxSources = 2_000
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

const toCode = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:'"`\\])\/\/.*$/gm, '$1')

const readText = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch {
    // Not there, or not to be read: the rule that wants it says so.
    return undefined
  }
}

async function readSources(folder: string): Promise<SourceText[]> {
  const found: SourceText[] = []
  for (const room of ['src', 'test']) {
    const entries = await readdir(join(folder, room), { recursive: true, withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      if (!entry.isFile() || !/\.m?[jt]s$/.test(entry.name)) continue
      const file = join(entry.parentPath, entry.name)
      const text = await readFile(file, 'utf8')
      found.push({ path: relative(folder, file).split(sep).join('/'), text, code: toCode(text) })
      if (found.length > maxSources)
        throw new HostError('PACKAGE_TOO_LARGE', `${folder} has more than ${maxSources} files of code.`)
    }
  }
  return found.toSorted((a, b) => a.path.localeCompare(b.path))
}

const isTestFile = ({ path }: SourceText): boolean => path.startsWith('test/') || /\.(test|spec)\.m?[jt]s$/.test(path)

/** Reads what the rules look at. Throws what a server would say of plugin.json. */
export async function readSubject(path: string): Promise<Subject> {
  const folder = resolve(path)
  const { manifest, version } = await readManifest(join(folder, 'plugin.json'))
  const pack = await readJson(join(folder, 'package.json'))
  const all = await readSources(folder)
  let loading: Promise<Plugin> | undefined
  return {
    folder,
    manifest,
    version,
    pack: isRecord(pack) ? pack : {},
    readme: (await readText(join(folder, manifest.docs))) ?? '',
    sources: all.filter((file) => !isTestFile(file)),
    tests: all.filter(isTestFile),
    plugin() {
      // The worker's own code is compiled once, and not again for each plugin that is looked at.
      enableCompileCache()
      return (loading ??= loadIsolated({ manifest, folder, level: 'worker', log: silent }))
    },
    read: (of) => readText(join(folder, of)),
  }
}

/** What the host throws is what is against a rule; anything else is our fault, and thrown on. */
export async function said(work: () => unknown): Promise<string[]> {
  try {
    await work()
    return []
  } catch (error) {
    if (!isHostError(error)) throw error
    return [`${error.message} (${error.code})`]
  }
}

/** The plugin, or undefined where its code cannot be loaded, which the rule `loads` tells. */
export const loaded = async (subject: Subject): Promise<Plugin | undefined> => {
  try {
    return await subject.plugin()
  } catch {
    // Told once, by that rule.
    return undefined
  }
}
