import { join } from 'node:path'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import semver from 'semver'
import { HostError } from '../errors.ts'
import { isRecord } from '../config/plain.ts'
import { checkPackage } from '../manifest/check.ts'
import { assertCompatible } from '../manifest/compatibility.ts'
import { readJson, readManifest } from '../manifest/read.ts'
import { hostServicesOf } from '../service-names.ts'

/** Scripts that a package manager runs when somebody installs. Ours never runs any; that one is there says that the package counts on it. */
const installScripts = ['preinstall', 'install', 'postinstall']
const dependencyFields = ['dependencies', 'optionalDependencies']
const maxVersionChars = 64

const broken = (id: string, what: string): HostError =>
  new HostError('PACKAGE_RULE_BROKEN', `${id} is refused: ${what}.`)

export const assertNoScripts = (id: string, pack: Record<string, unknown>): void => {
  const { scripts } = pack
  const found = isRecord(scripts) ? installScripts.filter((name) => name in scripts) : []
  if (found.length > 0)
    throw broken(
      id,
      `its package.json has the script ${found.join(', ')}, and none is ever run here; build before packing`,
    )
}

export const assertBundled = (id: string, pack: Record<string, unknown>): void => {
  for (const field of dependencyFields) {
    const names = isRecord(pack[field]) ? Object.keys(pack[field]) : []
    if (names.length > 0)
      throw broken(id, `its package.json names ${field} (${names.slice(0, 3).join(', ')}); bundle them into its entry`)
  }
}

export const assertFiles = (id: string, paths: readonly string[]): void => {
  const native = paths.find((path) => path.endsWith('.node') || path.endsWith('binding.gyp'))
  if (native !== undefined) throw broken(id, `${native} is a native add-on, which could end the whole platform`)
  const foreign = paths.find((path) => path.split('/').includes('node_modules'))
  if (foreign !== undefined)
    throw broken(id, `${foreign} lies in node_modules; bundle what the plugin needs into one file`)
}

export const assertVersion = (id: string, version: string): void => {
  if (semver.valid(version) !== version || version.length > maxVersionChars)
    throw broken(id, 'its package.json has no proper version')
}

export const assertEntry = (id: string, entry: string): void => {
  if (!/\.m?js$/.test(entry)) throw broken(id, `its entry ${entry} is not JavaScript (.js or .mjs)`)
}

export const assertUnprivileged = ({ id, privileged }: PluginManifest): void => {
  if (privileged === true) throw broken(id, 'it asks to be privileged, which only bundled plugins are')
}

/** What a plugin needs and could never have is said before anybody approves it. */
export const assertLevel = ({ id, needs, isolation }: PluginManifest): void => {
  const [service] = hostServicesOf(needs)
  if (service !== undefined && isolation.least !== 'host')
    throw broken(
      id,
      `it needs the service ${service}, which exists at host level only, and its isolation.least is "${isolation.least}"`,
    )
}

export interface CheckedPackage {
  manifest: PluginManifest
  version: string
}

/** Everything that can be said against an unpacked package without running any of its code. */
export async function checkUnpacked(
  folder: string,
  paths: readonly string[],
  apiVersion: string,
): Promise<CheckedPackage> {
  for (const needed of ['plugin.json', 'package.json'])
    if (!paths.includes(needed)) throw new HostError('PLUGIN_FILE_MISSING', `The package has no ${needed} at its top.`)
  const { manifest, version } = await readManifest(join(folder, 'plugin.json'))
  const { id } = manifest
  const pack = await readJson(join(folder, 'package.json'))
  if (!isRecord(pack)) throw broken(id, 'its package.json is no object')
  assertVersion(id, version)
  assertNoScripts(id, pack)
  assertBundled(id, pack)
  assertFiles(id, paths)
  assertEntry(id, manifest.entry)
  assertUnprivileged(manifest)
  assertLevel(manifest)
  assertCompatible(id, manifest.api, apiVersion)
  await checkPackage(manifest, folder)
  return { manifest, version }
}
