import { isRecord, type Values } from '../../form/schema.ts'

/** A place within an object: names of fields, and numbers of list entries. */
export type Path = readonly string[]

export const at = (value: unknown, [key, ...rest]: Path): unknown => {
  if (key === undefined) return value
  if (Array.isArray(value)) return at(value[Number(key)], rest)
  return isRecord(value) && Object.hasOwn(value, key) ? at(value[key], rest) : undefined
}

/** With one place changed; undefined takes it out. Everything else stays, also what the form does not know. */
export const withAt = (value: unknown, [key, ...rest]: Path, fresh: unknown): unknown => {
  if (key === undefined) return fresh
  if (Array.isArray(value)) return value.map((item, n) => (String(n) === key ? withAt(item, rest, fresh) : item))
  const fields = isRecord(value) ? value : {}
  const inner = withAt(Object.hasOwn(fields, key) ? fields[key] : undefined, rest, fresh)
  const others = Object.entries(fields)
  if (inner === undefined) return Object.fromEntries(others.filter(([name]) => name !== key))
  return Object.fromEntries(
    Object.hasOwn(fields, key)
      ? others.map(([name, item]) => [name, name === key ? inner : item])
      : [...others, [key, inner]],
  )
}

/** The JSON Merge Patch (RFC 7396) that makes `after` of `before`: only what changed, so that secrets that are not shown stay. */
export const toMergePatch = (before: Values, after: Values): Values => {
  const patch: [string, unknown][] = []
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch.push([name, null])
  for (const [name, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, name) ? before[name] : undefined
    if (JSON.stringify(old) === JSON.stringify(value)) continue
    patch.push([name, isRecord(old) && isRecord(value) ? toMergePatch(old, value) : value])
  }
  return Object.fromEntries(patch)
}

export interface FormNode extends Values {
  weight: number
}

const mapKey = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:]+)):(\d{1,5})$/
/** Nodes of either form as a list. */
export const toNodes = (nodes: unknown): FormNode[] => {
  if (Array.isArray(nodes))
    return nodes.flatMap((node: unknown) =>
      isRecord(node) ? [{ ...node, weight: typeof node['weight'] === 'number' ? node['weight'] : 1 }] : [],
    )
  return Object.entries(isRecord(nodes) ? nodes : {}).map(([name, weight]) => {
    const [, bracketed, plain, port] = mapKey.exec(name) ?? []
    return { host: bracketed ?? plain ?? name, port: Number(port), weight: typeof weight === 'number' ? weight : 1 }
  })
}
/** As the gateway names it. */
export const nameOf = ({ local, host, port }: Values): string =>
  local === true
    ? 'local'
    : String(host).includes(':')
      ? `[${String(host)}]:${String(port)}`
      : `${String(host)}:${String(port)}`

/** The same nodes, in the form that they are in, with other weights. */
export const withWeights = (nodes: unknown, weights: Readonly<Record<string, number>>): unknown => {
  const weightOf = (name: string, now: unknown): unknown => (Object.hasOwn(weights, name) ? weights[name] : now)
  if (Array.isArray(nodes))
    return nodes.map((node: unknown) =>
      isRecord(node) ? { ...node, weight: weightOf(nameOf(node), node['weight']) } : node,
    )
  return Object.fromEntries(
    Object.entries(isRecord(nodes) ? nodes : {}).map(([name, weight]) => [name, weightOf(name, weight)]),
  )
}
