import type { DeviceValues } from './device-values.ts'

/** A compiled condition of a rule. */
export interface Condition {
  /** In words, for people. */
  readonly text: string
  /** Keys it looks at. */
  readonly keys: ReadonlySet<string>
  /** It looks at `v` as a whole: any key may matter. */
  readonly anyKey: boolean
  readonly shadow: boolean
  /** False when a value is missing or of another kind. Throws TookTooLong. */
  test(values: DeviceValues): boolean
}

/** What is wrong with a condition; `path` is below the field that holds it. */
export class ConditionInvalid extends Error {
  override readonly name = 'ConditionInvalid'
  readonly path: string
  constructor(message: string, path = '', options: ErrorOptions = {}) {
    super(message, options)
    this.path = path
  }
}
