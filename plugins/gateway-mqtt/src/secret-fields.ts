import type { ResourceName } from './schemas.ts'

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Private keys: `key` and `keys` of a certificate, and `client_key` wherever an upstream stands. */
const isSecret = (resource: ResourceName, depth: number, name: string): boolean =>
  name === 'client_key' || (resource === 'ssls' && depth === 0 && (name === 'key' || name === 'keys'))

/** Copies an object with each of its secrets changed; undefined leaves it out. */
export function mapSecrets(
  resource: ResourceName,
  value: Record<string, unknown>,
  change: (secret: string) => string | undefined,
): Record<string, unknown> {
  const changeText = (secret: unknown): string | undefined => (typeof secret === 'string' ? change(secret) : undefined)
  const walk = (inner: unknown, depth: number): unknown => {
    if (Array.isArray(inner)) return inner.map((item) => walk(item, depth + 1))
    return isRecord(inner) ? walkRecord(inner, depth) : inner
  }
  const walkRecord = (record: Record<string, unknown>, depth: number): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(record).flatMap(([name, item]) => {
        if (!isSecret(resource, depth, name)) return [[name, walk(item, depth + 1)]]
        const changed = Array.isArray(item) ? item.flatMap((each) => changeText(each) ?? []) : changeText(item)
        return changed === undefined || (Array.isArray(item) && changed.length === 0) ? [] : [[name, changed]]
      }),
    )
  return walkRecord(value, 0)
}
