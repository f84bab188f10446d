import type { FieldError } from '@patchbay/contracts/problem'

/** A configuration is this deep at most: fields, a table, a row, a value and one to spare. */
export const maxConfigDepth = 8
/** Values in one configuration, counted through all rows. */
export const maxConfigValues = 20_000

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const pointer = (path: string, key: string | number): string =>
  `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`

export class NotPlain extends Error {
  override readonly name = 'NotPlain'
  readonly field: FieldError
  constructor(path: string, code: string, message: string) {
    super(message)
    this.field = { path, code, message }
  }
}

/**
 * Copies JSON, so that nobody can change it afterwards. `__proto__` never becomes a key, whoever sends it. Throws NotPlain.
 * `change` may put something else in the place of a value; undefined keeps it.
 */
export function toPlain(value: unknown, change: (value: unknown, path: string) => unknown = () => undefined): unknown {
  let values = 0
  const copy = (from: unknown, path: string, depth: number): unknown => {
    if (depth > maxConfigDepth) throw new NotPlain(path, 'too-deep', 'is nested too deeply')
    values += 1
    if (values > maxConfigValues) throw new NotPlain(path, 'too-many', 'holds too many values')
    const changed = change(from, path)
    if (changed !== undefined) return changed
    if (Array.isArray(from)) return from.map((item, index) => copy(item, pointer(path, index), depth + 1))
    if (isRecord(from)) {
      const to: Record<string, unknown> = {}
      for (const [key, inner] of Object.entries(from)) {
        if (key === '__proto__') throw new NotPlain(pointer(path, key), 'unknown', 'is not known here')
        if (inner !== undefined) to[key] = copy(inner, pointer(path, key), depth + 1)
      }
      return to
    }
    if (from === null || typeof from === 'string' || typeof from === 'boolean' || Number.isFinite(from)) return from
    throw new NotPlain(path, 'type', 'must be a JSON value')
  }
  return copy(value, '', 0)
}
