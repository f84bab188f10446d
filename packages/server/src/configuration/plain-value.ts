export type Fields = Record<string, unknown>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const pointer = (path: string, key: string | number): string =>
  `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`

/** Copies JSON with `change` in the place of each text. `__proto__` becomes an own key of nobody: it is left out. */
export function mapTexts(value: unknown, change: (text: string, path: string) => unknown, path = ''): unknown {
  if (typeof value === 'string') return change(value, path)
  if (Array.isArray(value)) return value.map((item, index) => mapTexts(item, change, pointer(path, index)))
  if (!isFields(value)) return value
  const to: Fields = {}
  for (const [key, item] of Object.entries(value))
    if (key !== '__proto__') to[key] = mapTexts(item, change, pointer(path, key))
  return to
}

/** What stands in a document under a JSON pointer. */
export const lookUp = (value: unknown, path: string): unknown => {
  let found = value
  for (const part of path.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(found)) found = found[Number(key)]
    else found = isFields(found) && Object.hasOwn(found, key) ? found[key] : undefined
  }
  return found
}

/** Depth of a document at most; REST has its own limits below it. */
export const maxDocumentDepth = 32

export const isTooDeep = (value: unknown, depth = 0): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (depth > maxDocumentDepth || Object.values(value).some((inner) => isTooDeep(inner, depth + 1)))
