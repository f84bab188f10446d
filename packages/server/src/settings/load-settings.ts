import { readSettings, type Settings } from './settings.ts'
import { readStoredSettings } from './stored-settings.ts'

/** The settings of a start: the environment, and below it what the console stored in the data folder. Throws `SettingsError`. */
export const loadSettings = async (env: Readonly<Record<string, string | undefined>>): Promise<Settings> =>
  readSettings(env, await readStoredSettings(readSettings(env).data))
