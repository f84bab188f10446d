/** Settings that cannot be started with: `main` prints the one sentence and exits with 2. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly code = 'SETTINGS_WRONG'
  /** The variable that must be changed. */
  readonly setting: string

  constructor(setting: string, problem: string, remedy: string, options?: ErrorOptions) {
    super(`${setting} ${problem}; ${remedy}.`, options)
    this.setting = setting
  }
}
