import type { Kind } from './kinds.ts'
import { isPlaceholder } from './placeholders.ts'
import { type Fields, isFields } from './plain-value.ts'

/** Private keys, which the gateway never answers: `key` of a certificate, `client_key` wherever an upstream stands. */
const isKey = (kind: Kind, depth: number, name: string): boolean =>
  name === 'client_key' || (kind.name === 'gateway.ssls' && depth === 0 && name === 'key')

/** Without private keys. Two objects that are equal so have equal keys: a certificate has only one. */
export function hideKeys(kind: Kind, value: Fields): Fields {
  const walk = (inner: unknown, depth: number): unknown => {
    if (Array.isArray(inner)) return inner.map((item) => walk(item, depth + 1))
    return isFields(inner) ? walkFields(inner, depth) : inner
  }
  const walkFields = (fields: Fields, depth: number): Fields =>
    Object.fromEntries(
      Object.entries(fields).flatMap(([name, item]) =>
        isKey(kind, depth, name) ? [] : [[name, walk(item, depth + 1)]],
      ),
    )
  return walkFields(value, 0)
}

/** Leaves out private keys that are still placeholders: they are not the sender's to fill, and stay what is stored. */
export function leaveOpenKeys(kind: Kind, value: Fields): Fields {
  const walk = (inner: unknown, depth: number): unknown => {
    if (Array.isArray(inner)) return inner.map((item) => walk(item, depth + 1))
    return isFields(inner) ? walkFields(inner, depth) : inner
  }
  const walkFields = (fields: Fields, depth: number): Fields =>
    Object.fromEntries(
      Object.entries(fields).flatMap(([name, item]) =>
        isKey(kind, depth, name) && typeof item === 'string' && isPlaceholder(item)
          ? []
          : [[name, walk(item, depth + 1)]],
      ),
    )
  return walkFields(value, 0)
}

/** Where the private keys of an object have to stand, as JSON pointers: beside every certificate. */
export const keysOf = (kind: Kind, value: Fields): string[] => {
  const found: string[] = []
  const walk = (inner: unknown, depth: number, path: string): void => {
    if (Array.isArray(inner)) for (const [at, item] of inner.entries()) walk(item, depth + 1, `${path}/${at}`)
    if (!isFields(inner)) return
    if (kind.name === 'gateway.ssls' && depth === 0 && inner['cert'] !== undefined) found.push(`${path}/key`)
    if (inner['client_cert'] !== undefined) found.push(`${path}/client_key`)
    for (const [name, item] of Object.entries(inner)) walk(item, depth + 1, `${path}/${name}`)
  }
  walk(value, 0, '')
  return found
}
