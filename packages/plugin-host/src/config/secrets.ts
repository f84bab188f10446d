import type { FieldError } from '@patchbay/contracts/problem'
import { isDeepStrictEqual } from 'node:util'
import { HostError, toText } from '../errors.ts'
import { isRecord, pointer, toPlain } from './plain.ts'
import type { Config } from './validate.ts'

/** Seals what is kept at rest. The server gives it. */
export interface SecretBox {
  seal(text: string): string
  open(sealed: string): string
}

/** A sealed secret as it is stored: it says itself what it is, so that an old configuration can be opened under a new schema. */
const sealedKey = '$sealed'
const isSealed = (value: unknown): value is { [sealedKey]: string } =>
  isRecord(value) && Object.keys(value).length === 1 && typeof value[sealedKey] === 'string'

/** What a client sends to keep the stored secret, and what it is shown. */
const isKept = (value: unknown): boolean => isRecord(value) && Object.keys(value).length === 1 && value['set'] === true

const isSecretSchema = (schema: unknown): boolean => isRecord(schema) && schema['x-secret'] === true

const schemaOf = (schema: unknown, key: string | number): unknown => {
  if (!isRecord(schema)) return undefined
  if (typeof key === 'number') return schema['items']
  const properties = schema['properties']
  return isRecord(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined
}

/** Copies a configuration and puts `change(secret)` in the place of each secret of the schema. */
const mapSecrets = (schema: unknown, value: unknown, change: (secret: unknown, path: string) => unknown): unknown => {
  const walk = (inner: unknown, of: unknown, path: string): unknown => {
    if (isSecretSchema(of)) return change(inner, path)
    if (Array.isArray(inner)) return inner.map((item, index) => walk(item, schemaOf(of, index), pointer(path, index)))
    if (!isRecord(inner)) return inner
    const to: Record<string, unknown> = {}
    for (const [key, item] of Object.entries(inner)) to[key] = walk(item, schemaOf(of, key), pointer(path, key))
    return to
  }
  return walk(value, schema, '')
}

const toConfig = (value: unknown): Config => (isRecord(value) ? value : {})

/** Every secret of the schema sealed, the rest as it is. Takes a validated configuration. */
export const sealConfig = (schema: unknown, config: Config, box: SecretBox): Config =>
  toConfig(
    mapSecrets(schema, config, (secret) => (typeof secret === 'string' ? { [sealedKey]: box.seal(secret) } : secret)),
  )

/** A stored configuration with its secrets open. Throws CONFIG_SECRET_UNREADABLE with the path of the field. */
export const openConfig = (stored: Config, box: SecretBox): Config =>
  toConfig(
    toPlain(stored, (value, path) => {
      if (!isSealed(value)) return undefined
      try {
        return box.open(value[sealedKey])
      } catch (cause) {
        throw new HostError('CONFIG_SECRET_UNREADABLE', `${path} cannot be opened: ${toText(cause)} Enter it again.`, {
          cause,
          fields: [{ path, code: 'secret-unreadable', message: 'cannot be opened; enter it again' }],
        })
      }
    }),
  )

/** A stored configuration as people may see it. */
export const maskConfig = (stored: Config): Config =>
  toConfig(toPlain(stored, (value) => (isSealed(value) ? { set: true } : undefined)))

/** The secrets of a stored configuration, as far as they can be opened: for hiding them in what is said about it. */
export function storedSecretsOf(stored: Config, box: SecretBox): string[] {
  const found: string[] = []
  toPlain(stored, (value) => {
    if (!isSealed(value)) return undefined
    try {
      found.push(box.open(value[sealedKey]))
    } catch {
      // What nobody can open cannot be said by anybody either.
    }
    return null
  })
  return found
}

/** An open configuration as people may see it. */
export const showConfig = (schema: unknown, config: Config): Config =>
  toConfig(mapSecrets(schema, config, (secret) => (typeof secret === 'string' ? { set: true } : secret)))

/** Where two open configurations have different secrets, as JSON pointers. */
export function differentSecrets(schema: unknown, before: Config, after: Config): string[] {
  const found = new Map<string, unknown>()
  mapSecrets(schema, before, (secret, path) => void found.set(path, secret))
  const paths: string[] = []
  mapSecrets(schema, after, (secret, path) => {
    if (found.get(path) !== secret) paths.push(path)
    found.delete(path)
  })
  for (const [path, secret] of found) if (secret !== undefined) paths.push(path)
  return paths.sort()
}

/** The secrets of an open configuration, for the log's redactor. */
export function secretsOf(schema: unknown, config: Config): string[] {
  const found: string[] = []
  mapSecrets(schema, config, (secret) => (typeof secret === 'string' ? found.push(secret) : 0))
  return found
}

const withoutSecrets = (schema: unknown, value: unknown): unknown => mapSecrets(schema, value, () => undefined)

const isTargetSchema = (schema: unknown): boolean =>
  isRecord(schema) &&
  (schema['x-target'] === true ||
    ['host', 'url'].includes(String(schema['x-widget'])) ||
    isTargetSchema(schema['items']))

/** Where a configuration, or a row of a table, says that its secrets go: fields by their path. Rows have targets of their own. */
function targetsOf(schema: unknown, value: unknown, path = '', found = new Map<string, unknown>()): typeof found {
  const properties = isRecord(schema) ? schema['properties'] : undefined
  if (!isRecord(properties)) return found
  for (const [key, of] of Object.entries(properties)) {
    const inner = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
    if (isTargetSchema(of)) found.set(pointer(path, key), inner ?? (isRecord(of) ? of['default'] : undefined))
    else targetsOf(of, inner, pointer(path, key), found)
  }
  return found
}

const isMoved = (schema: unknown, from: unknown, to: unknown): boolean =>
  !isDeepStrictEqual(targetsOf(schema, from), targetsOf(schema, to))

/**
 * Where the input says `{"set": true}`, the stored secret takes its place. A row of a table keeps the secret of the stored row that is
 * equal to it but for its secrets, so that rows may change places; else the one of the row in the same place. None is kept for another target
 * than the one that it was entered for: whoever may change an address must not have the secret sent there.
 */
export function keepSecrets(
  schema: unknown,
  input: unknown,
  opened: Config | undefined,
): { config: unknown; errors: FieldError[] } {
  const errors: FieldError[] = []
  const storedRow = (rows: unknown, row: unknown, index: number, of: unknown): unknown => {
    if (!Array.isArray(rows)) return undefined
    const bare = withoutSecrets(of, row)
    const same = rows.filter((stored) => isDeepStrictEqual(withoutSecrets(of, stored), bare))
    return same.length === 1 && isRecord(row) ? same[0] : rows[index]
  }
  const walk = (value: unknown, stored: unknown, of: unknown, path: string, moved: boolean): unknown => {
    if (isSecretSchema(of) && isKept(value)) {
      if (typeof stored === 'string' && !moved) return stored
      if (typeof stored === 'string') {
        errors.push({ path, code: 'secret-target-changed', message: 'was entered for another address; enter it again' })
        return undefined
      }
      errors.push({ path, code: 'secret-missing', message: 'has no stored secret to keep; send it' })
      return undefined
    }
    if (Array.isArray(value))
      return value.map((item, index) => {
        const rowSchema = schemaOf(of, index)
        const row = storedRow(stored, item, index, rowSchema)
        return walk(item, row, rowSchema, pointer(path, index), moved || isMoved(rowSchema, row, item))
      })
    if (!isRecord(value)) return value
    const to: Record<string, unknown> = {}
    for (const [key, item] of Object.entries(value)) {
      const inner = isRecord(stored) && Object.hasOwn(stored, key) ? stored[key] : undefined
      to[key] = walk(item, inner, schemaOf(of, key), pointer(path, key), moved)
    }
    return to
  }
  // Checked for depth and `__proto__` before anything walks it.
  const plain = toPlain(input)
  const config = walk(plain, opened, schema, '', opened !== undefined && isMoved(schema, opened, plain))
  return { config, errors }
}
