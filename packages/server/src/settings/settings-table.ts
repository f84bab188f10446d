import { type Declaration, declarations } from './declarations.ts'

export interface SettingRow {
  name: string
  default: string
  meaning: string
  since: string
}

/** The rows of docs/reference/settings.md. */
export const settingsTable = (): SettingRow[] =>
  Object.values<Declaration<unknown>>(declarations).map((one) => ({
    name: one.name,
    default: one.shown ?? one.fallback ?? 'none',
    meaning: one.description,
    since: one.since,
  }))
