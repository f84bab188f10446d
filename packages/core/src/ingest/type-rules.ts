import type { KeySpec } from '@patchbay/contracts/device-type'
import type { TypeRecord } from '../devices/port.ts'
import { refuse } from '../errors.ts'

/** How often values did not fit their device type and were stored all the same. */
export interface TypeMisfits {
  undeclared: number
  outOfRange: number
}

/** What a device type says of incoming values. */
export interface TypeRules {
  readonly id: string
  readonly codec: string
  readonly strict: boolean
  /** Some key is declared, or none may be undeclared: values must be looked at. */
  readonly checks: boolean
  readonly misfits: TypeMisfits
  readonly keys: ReadonlyMap<string, KeySpec>
}

export function createTypeRules(type: TypeRecord | undefined, misfits: TypeMisfits): TypeRules {
  const keys = new Map((type?.keys ?? []).map((spec) => [spec.key, spec]))
  const strict = type?.strict ?? false
  return {
    id: type?.id ?? 'default',
    codec: type?.codec ?? 'json',
    strict,
    checks: strict || keys.size > 0,
    misfits,
    keys,
  }
}

/** Counts, or refuses when strict, a value that its type does not expect. */
export function checkAgainstType(rules: TypeRules, device: TypeMisfits, key: string, value: unknown): void {
  const spec = rules.keys.get(key)
  if (!spec) {
    if (rules.strict) {
      throw refuse('KEY_UNDECLARED', `The strict type ${rules.id} does not declare the key ${JSON.stringify(key)}.`)
    }
    rules.misfits.undeclared++
    device.undeclared++
    return
  }
  if (fits(spec, value)) return
  if (rules.strict) {
    throw refuse('VALUE_OUT_OF_RANGE', `The value of ${JSON.stringify(key)} is outside what type ${rules.id} declares.`)
  }
  rules.misfits.outOfRange++
  device.outOfRange++
}

function fits(spec: KeySpec, value: unknown): boolean {
  const type = typeof value
  const kind = type === 'object' ? 'json' : type === 'string' ? 'text' : type
  if (spec.kind !== undefined && spec.kind !== kind) return false
  if (typeof value !== 'number') return true
  return !(spec.minimum !== undefined && value < spec.minimum) && !(spec.maximum !== undefined && value > spec.maximum)
}
