const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON Merge Patch (RFC 7396): null removes, objects are merged, everything else is replaced. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const merged = new Map(Object.entries(isRecord(target) ? target : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, merge(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}

/** Merges at a path within the object, where there is one; what stands at the end of a path is replaced. */
export function mergePatch(target: unknown, path: readonly string[], patch: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return merge(target, patch)
  if (!isRecord(target)) return undefined
  const inner = rest.length === 0 ? patch : mergePatch(Object.hasOwn(target, key) ? target[key] : {}, rest, patch)
  return inner === undefined ? undefined : Object.fromEntries([...Object.entries(target), [key, inner]])
}
