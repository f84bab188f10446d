import { join } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { readIfThere, writeWhole } from './private-file.ts'
import { SettingsError } from './settings-error.ts'

/** The settings that the console may change. `now`: in force at once; `start`: from the next start on. */
export const changeable = {
  PATCHBAY_HOST: 'now',
  PATCHBAY_PLAIN: 'now',
  PATCHBAY_TLS_NAMES: 'now',
  PATCHBAY_PORT: 'start',
  PATCHBAY_PUBLIC_URL: 'start',
  PATCHBAY_TRUSTED_PROXIES: 'start',
} as const
export type ChangeableSetting = keyof typeof changeable
export const isChangeable = (name: string): name is ChangeableSetting => Object.hasOwn(changeable, name)

/** Text by the name of the setting, as it would stand in the environment, which beats it. */
const Stored = Type.Partial(
  Type.Object({
    PATCHBAY_HOST: Type.String(),
    PATCHBAY_PLAIN: Type.String(),
    PATCHBAY_TLS_NAMES: Type.String(),
    PATCHBAY_PORT: Type.String(),
    PATCHBAY_PUBLIC_URL: Type.String(),
    PATCHBAY_TRUSTED_PROXIES: Type.String(),
  } satisfies Record<ChangeableSetting, unknown>),
  { additionalProperties: false },
)
export type StoredSettings = Readonly<Static<typeof Stored>>

const pathOf = (data: string): string => join(data, 'settings.json')

/** What the console stored in this data folder. Throws `SettingsError` when the file is none of ours. */
export async function readStoredSettings(data: string): Promise<StoredSettings> {
  const path = pathOf(data)
  const text = await readIfThere(path)
  if (text === undefined) return {}
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    // Said below, as for any other content that is not ours.
  }
  if (Value.Check(Stored, found)) return found
  throw new SettingsError(path, 'does not hold what the console stores', 'mend it, or delete it to start without')
}

/** Whole or not at all, on disk when this resolves. */
export const writeStoredSettings = (data: string, stored: StoredSettings): Promise<void> =>
  writeWhole(pathOf(data), `${JSON.stringify(stored, null, 2)}\n`, 0o600)
