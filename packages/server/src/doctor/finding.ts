import type { Settings } from '../settings/settings.ts'

/** `skip`: there was nothing to look at. */
export type FindingState = 'ok' | 'warn' | 'fail' | 'skip'

/** What one check found, and what to do about it. */
export interface Finding {
  check: string
  state: FindingState
  text: string
  remedy?: string
}

export interface Patient {
  settings: Settings
  env: Readonly<Record<string, string | undefined>>
  nowMs: number
}

/** Looks at one thing. It changes nothing that stays, and says no secret. */
export type Check = (patient: Patient) => Promise<Finding[]>

export const ok = (check: string, text: string): Finding => ({ check, state: 'ok', text })
export const warn = (check: string, text: string, remedy: string): Finding => ({ check, state: 'warn', text, remedy })
export const fail = (check: string, text: string, remedy: string): Finding => ({ check, state: 'fail', text, remedy })
export const skip = (check: string, text: string): Finding => ({ check, state: 'skip', text })

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
