export type Document = Record<string, unknown>

export const isDocument = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Why a patch cannot be merged, undefined when it can. Asked first: merge and delta call themselves once per level. */
export function patchFault(patch: unknown, maxDepth: number): string | undefined {
  const stack: { value: unknown; depth: number }[] = [{ value: patch, depth: 1 }]
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { value, depth } = next
    if (typeof value !== 'object' || value === null) continue
    if (depth > maxDepth) return `It is nested deeper than ${maxDepth} levels.`
    // Merged by assignment, this key would change the prototype instead of the document.
    if (Object.hasOwn(value, '__proto__')) return 'The key __proto__ is not permitted.'
    for (const child of Object.values(value)) stack.push({ value: child, depth: depth + 1 })
  }
  return undefined
}

/** JSON Merge Patch (RFC 7386): objects are merged, null removes, anything else replaces. */
export function merge(target: unknown, patch: Document): Document {
  const merged: Document = isDocument(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = isDocument(value) ? merge(Object.hasOwn(merged, key) ? merged[key] : undefined, value) : value
  }
  return merged
}

export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]))
  }
  if (!isDocument(a) || !isDocument(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
}

/** What is desired and not reported so. */
export function deltaOf(desired: Document, reported: Document): Document {
  const delta: Document = {}
  for (const [key, wanted] of Object.entries(desired)) {
    const has = Object.hasOwn(reported, key) ? reported[key] : undefined
    if (isDocument(wanted) && isDocument(has)) {
      const inner = deltaOf(wanted, has)
      if (Object.keys(inner).length > 0) delta[key] = inner
    } else if (!equal(wanted, has)) delta[key] = wanted
  }
  return delta
}
