import { readFile } from 'node:fs/promises'
import type { Trust, Verified } from '@patchbay/plugin-host/packages/policy'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Settings } from './settings.ts'
import { SettingsError } from './settings-error.ts'

const VerifiedList = Type.Array(
  Type.Object({
    id: Type.String({ minLength: 1, maxLength: 64 }),
    version: Type.String({ minLength: 1, maxLength: 64 }),
    sha512: Type.String({ pattern: '^[0-9a-f]{128}$' }),
  }),
  { maxItems: 10_000 },
)

const readVerified = async (path: string): Promise<Verified[]> => {
  const wrong = (problem: string, cause?: unknown): SettingsError =>
    new SettingsError(
      'PATCHBAY_PLUGIN_VERIFIED',
      `names ${path}, which ${problem}`,
      'give a JSON file such as [{"id": "modbus", "version": "1.2.0", "sha512": "…"}]',
      { cause },
    )
  let list: unknown
  try {
    list = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw wrong('cannot be read as JSON', cause)
  }
  if (!Value.Check(VerifiedList, list)) throw wrong('is no list of verified packages')
  return list
}

/** Whose plugins are let in. */
export const readTrust = async ({ pluginPolicy, pluginPublishers, pluginVerified }: Settings): Promise<Trust> => ({
  policy: pluginPolicy,
  publishers: pluginPublishers,
  verified: pluginVerified === undefined ? [] : await readVerified(pluginVerified),
})
