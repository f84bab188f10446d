import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PluginManifest } from '@patchbay/contracts/plugin'
import { Value } from 'typebox/value'
import { HostError, toText } from '../errors.ts'
import { toFieldErrors } from '../config/validate.ts'

/** plugin.json and package.json are read whole; neither may be larger. */
export const maxManifestBytes = 256 * 1024
const unversioned = '0.0.0'

export interface ReadManifest {
  manifest: PluginManifest
  /** The package's folder. */
  folder: string
  /** Of package.json, the only place that says it. */
  version: string
}

export const readJson = async (path: string): Promise<unknown> => {
  if ((await stat(path)).size > maxManifestBytes)
    throw new HostError('PLUGIN_MANIFEST_INVALID', `${path} is larger than ${maxManifestBytes} bytes.`)
  return JSON.parse(await readFile(path, 'utf8'))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Checks the form of a manifest. Unknown fields are refused. */
export function toManifest(value: unknown, where: string): PluginManifest {
  if (Value.Check(PluginManifest, value)) return value
  const fields = toFieldErrors(Value.Errors(PluginManifest, value))
  const said = fields.map(({ path, message }) => `${path === '' ? 'it' : path} ${message}`).join('; ')
  throw new HostError('PLUGIN_MANIFEST_INVALID', `${where} is not as described: ${said}.`, { fields })
}

/** Reads plugin.json and the version in the package.json beside it, without running any code of the plugin. */
export async function readManifest(file: string | URL): Promise<ReadManifest> {
  const path = file instanceof URL || file.startsWith('file:') ? fileURLToPath(file) : file
  let value: unknown
  try {
    value = await readJson(path)
  } catch (cause) {
    throw new HostError('PLUGIN_MANIFEST_INVALID', `${path} cannot be read: ${toText(cause)}`, { cause })
  }
  const manifest = toManifest(value, path)
  const folder = dirname(path)
  let version: unknown
  try {
    const pack = await readJson(join(folder, 'package.json'))
    version = isRecord(pack) ? pack['version'] : undefined
  } catch (cause) {
    throw new HostError('PLUGIN_FILE_MISSING', `The package.json of ${manifest.id} cannot be read: ${toText(cause)}`, {
      cause,
    })
  }
  return { manifest, folder, version: typeof version === 'string' ? version : unversioned }
}
