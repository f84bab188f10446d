import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { CopyError } from './copy/errors.ts'
import { FrontDoorError } from './front-door/refusal.ts'
import { SettingsError } from './settings/settings-error.ts'
import type { StoredSettings } from './settings/stored-settings.ts'
import { RedisNotReached } from './stores/redis/redis-not-reached.ts'
import { StoreCorrupt, StoreNotOpened } from './stores/sqlite/errors.ts'

/** Why it did not start, in words for the person at the terminal. */
export interface StartFailure {
  kind: 'failed' | 'badSettings'
  sentence: string
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** What is not an address of this machine, and what only its administrator may open. */
const notHere = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'])

const ofFrontDoor = (error: FrontDoorError, host: string, isStored: boolean): StartFailure => {
  const code = codeOf(error.cause)
  if (notHere.has(code)) {
    const whence = isStored ? ', as the console stored it' : ''
    const problem = `is ${JSON.stringify(host)}${whence}, which is not an address of this machine (${code})`
    const { message } = new SettingsError('PATCHBAY_HOST', problem, 'give 127.0.0.1, 0.0.0.0 or one that it has')
    return { kind: 'badSettings', sentence: message }
  }
  const remedy =
    code === 'EACCES'
      ? 'Set PATCHBAY_PORT to a port from 1024 on.'
      : 'Stop the other program, or set PATCHBAY_PORT to another port (0 = any free one).'
  return { kind: 'failed', sentence: `${error.message} ${remedy}` }
}

/** Undefined for a fault of ours: that one is logged with its stack. */
export const toStartFailure = (
  error: unknown,
  { host, data, stored }: { host: string; data: string; stored?: StoredSettings },
): StartFailure | undefined => {
  if (error instanceof SettingsError) return { kind: 'badSettings', sentence: error.message }
  if (error instanceof CopyError) return { kind: 'failed', sentence: `Cannot start: ${error.message}.` }
  if (error instanceof FrontDoorError) return ofFrontDoor(error, host, stored?.PATCHBAY_HOST === host)
  if (error instanceof StoreNotOpened) {
    const remedy =
      'See that it runs, that this machine reaches it and that no other Patchbay uses it, or mend MONGODB_URL.'
    return { kind: 'failed', sentence: `Cannot open ${error.message}. ${remedy}` }
  }
  if (error instanceof RedisNotReached) {
    const remedy = 'See that it runs and that this machine reaches it, or mend REDIS_URL.'
    return { kind: 'failed', sentence: `Cannot reach ${error.message}. ${remedy}` }
  }
  if (error instanceof StoreUnavailable) {
    const remedy =
      'Stop the program that uses it, see that this user may write there, or set PATCHBAY_DATA to another folder.'
    return { kind: 'failed', sentence: `Cannot open the data folder ${data}: ${error.message}. ${remedy}` }
  }
  if (error instanceof StoreCorrupt) {
    const remedy = 'Restore the folder from a backup, or set PATCHBAY_DATA to another folder.'
    return { kind: 'failed', sentence: `Cannot read the data folder ${data}: ${error.message}. ${remedy}` }
  }
  return undefined
}
