import type { FieldError } from '@patchbay/contracts/problem'
import type { TSchema } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import { Value } from 'typebox/value'
import { withDefaults } from './defaults.ts'
import { isRecord, NotPlain, pointer, toPlain } from './plain.ts'

export type Config = Record<string, unknown>
export type Validated = { ok: true; config: Config } | { ok: false; errors: FieldError[] }

const unknownKey = { code: 'unknown', message: 'is not known here' }

/** One error a field, at the field that a person looks for. */
export function toFieldErrors(errors: readonly TLocalizedValidationError[]): FieldError[] {
  const found = errors.flatMap((error): FieldError[] => {
    const { keyword, instancePath: path, message } = error
    switch (keyword) {
      case 'required':
        return error.params.requiredProperties.map((name) => ({
          path: pointer(path, name),
          code: 'required',
          message: 'is missing',
        }))
      case 'additionalProperties':
        return error.params.additionalProperties.map((name) => ({ path: pointer(path, name), ...unknownKey }))
      case 'boolean':
        return [{ path, ...unknownKey }]
      case 'enum':
        return [{ path, code: keyword, message: `must be one of ${error.params.allowedValues.join(', ')}` }]
      case 'pattern':
        return [{ path, code: keyword, message: 'is not well formed' }]
      default:
        return [{ path, code: keyword, message }]
    }
  })
  return [...new Map(found.map((error) => [`${error.path} ${error.code}`, error])).values()]
}

/** Applies the defaults and checks. Nothing is converted: a number sent as text is refused. */
export function validateConfig(schema: TSchema, input: unknown): Validated {
  let plain: unknown
  try {
    plain = toPlain(input)
  } catch (error) {
    if (error instanceof NotPlain) return { ok: false, errors: [error.field] }
    throw error
  }
  const config = withDefaults(schema, plain)
  if (!isRecord(config)) return { ok: false, errors: [{ path: '', code: 'type', message: 'must be an object' }] }
  const errors = Value.Check(schema, config) ? [] : toFieldErrors(Value.Errors(schema, config))
  return errors.length === 0 ? { ok: true, config } : { ok: false, errors }
}
