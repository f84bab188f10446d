import type { ResourceName } from './schemas.ts'

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Private keys: `key` of a certificate, and `client_key` wherever an upstream stands. */
const isSecret = (resource: ResourceName, depth: number, name: string): boolean =>
  name === 'client_key' || (resource === 'ssls' && depth === 0 && name === 'key')

/** Copies an object with each of its secrets changed; undefined leaves it out. */
export function mapSecrets(
  resource: ResourceName,
  value: Record<string, unknown>,
  change: (secret: string) => string | undefined,
): Record<string, unknown> {
  const walk = (inner: unknown, depth: number): unknown => {
    if (Array.isArray(inner)) return inner.map((item) => walk(item, depth + 1))
    return isRecord(inner) ? walkRecord(inner, depth) : inner
  }
  const walkRecord = (record: Record<string, unknown>, depth: number): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(record).flatMap(([name, item]) => {
        if (typeof item !== 'string' || !isSecret(resource, depth, name)) return [[name, walk(item, depth + 1)]]
        const changed = change(item)
        return changed === undefined ? [] : [[name, changed]]
      }),
    )
  return walkRecord(value, 0)
}
