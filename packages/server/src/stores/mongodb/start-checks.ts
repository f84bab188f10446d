import { SettingsError } from '../../settings/settings-error.ts'

/** MongoDB 7.0; older ones are out of support by their makers. */
const LEAST_WIRE_VERSION = 21
/** By code, never by text. Wrong name or password; no right; no right, as a cloud says it. */
const AUTHENTICATION_FAILED = 18
const UNAUTHORIZED = 13
const ATLAS_ERROR = 8000

const setting = 'MONGODB_URL'

/** The address for people: without user, password and options. Up to the last `@`, also where a password was not escaped. */
export function toShownAddress(url: string): string {
  return url.replace(/^(mongodb(?:\+srv)?:\/\/)(?:.*@)?/s, '$1').replace(/\?.*$/s, '')
}

/** What a server says of itself in `hello`, as far as it is looked at. */
export interface ServerWords {
  readonly maxWireVersion?: unknown
  readonly readOnly?: unknown
}

/** Refuses a server that cannot hold what an acknowledgement promises. */
export function refuseUnfitServer({ maxWireVersion, readOnly }: ServerWords, address: string): void {
  if (typeof maxWireVersion !== 'number' || maxWireVersion < LEAST_WIRE_VERSION) {
    throw new SettingsError(setting, `leads to a server older than MongoDB 7.0 (${address})`, 'update it')
  }
  if (readOnly === true) {
    throw new SettingsError(setting, `leads to a server that only reads (${address})`, 'give one that can be written')
  }
}

/** What a person must change, when the server's error says so; undefined = it may pass by itself. */
export function toSettingsFault(error: unknown, address: string): SettingsError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = 'code' in at ? at.code : undefined
    if (code === AUTHENTICATION_FAILED) {
      return new SettingsError(setting, `has a user or password that ${address} refuses`, 'mend it', { cause: error })
    }
    if (code === UNAUTHORIZED || code === ATLAS_ERROR) {
      const problem = `has a user who may not write or make indexes at ${address}`
      return new SettingsError(setting, problem, 'give the user the role readWrite on that database', { cause: error })
    }
  }
  return undefined
}
