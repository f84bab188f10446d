import type { FieldError } from '@patchbay/contracts/problem'
import type { Setting, SettingChanges } from '@patchbay/contracts/setting'
import { FrontDoorError } from '../front-door/refusal.ts'
import { RestError } from '../rest/errors.ts'
import { SettingsError } from './settings-error.ts'
import type { Settings } from './settings.ts'
import { showSettings } from './shown-settings.ts'
import { isChangeable, type StoredSettings, writeStoredSettings } from './stored-settings.ts'

/** The settings that people change by hand while it runs. */
export interface ConsoleSettings {
  list(): Setting[]
  /** As a start would read them now. */
  current(): Settings
  /** All of it or nothing: checked as at a start, tried, and stored. Throws `RestError`. */
  change(changes: SettingChanges): Promise<void>
}

export interface ConsoleSettingsParts {
  settings: Settings
  /** Reads settings as a start would, with these stored ones. Throws `SettingsError`. */
  read(stored: StoredSettings): Settings
  /** Puts into force what is in force at once. Throws, and changes nothing, where it cannot. */
  apply(next: Settings, before: Settings): Promise<void>
}

const unfit = (name: string, message: string, cause?: unknown): RestError => {
  const fields: FieldError[] = [{ path: `/${name}`, code: 'unfit', message }]
  return new RestError('REQUEST_INVALID', `${name} ${message}.`, { fields, cause })
}

export function createConsoleSettings({ settings, read, apply }: ConsoleSettingsParts): ConsoleSettings {
  let stored = settings.stored
  let current = settings
  let turn: Promise<void> = Promise.resolve()

  const merge = (changes: SettingChanges): StoredSettings => {
    const next: Record<string, string> = { ...stored }
    for (const [name, text] of Object.entries(changes)) {
      if (settings.given.has(name))
        throw new RestError(
          'SETTING_FIXED',
          `${name} is set in the environment, which beats the console. Change it there, or unset it and start again.`,
        )
      if (!isChangeable(name)) throw unfit(name, 'cannot be set here: it is a setting of the start')
      if (text === null || text.trim() === '') delete next[name]
      else next[name] = text.trim()
    }
    return next
  }

  const readAll = (next: StoredSettings, changes: SettingChanges): Settings => {
    try {
      return read(next)
    } catch (cause) {
      if (!(cause instanceof SettingsError)) throw cause
      const [first = ''] = Object.keys(changes)
      const name = isChangeable(cause.setting) ? cause.setting : first
      throw unfit(name, `cannot be stored: ${cause.message.replace(/\.$/, '')}`, cause)
    }
  }

  const change = async (changes: SettingChanges): Promise<void> => {
    const next = merge(changes)
    const wanted = readAll(next, changes)
    try {
      await apply(wanted, current)
    } catch (cause) {
      if (!(cause instanceof FrontDoorError)) throw cause
      throw unfit('PATCHBAY_HOST', `cannot be listened at: ${cause.message}`, cause)
    }
    try {
      await writeStoredSettings(settings.data, next)
    } catch (error) {
      await apply(current, wanted)
      throw error
    }
    current = wanted
    stored = next
  }

  return {
    list: () => showSettings(settings, stored),
    current: () => current,
    change(changes) {
      // One after the other: two at once would each store half.
      const mine = turn.then(() => change(changes))
      turn = mine.catch(() => undefined)
      return mine
    },
  }
}
