import type { Demand } from './wanted.ts'

/** What the files of PATCHBAY_CONFIG say is changed there and nowhere else. */
export interface Ownership {
  /** From now on these are the files'. */
  take(demand: Demand): void
  /** The file that owns what this path changes; undefined for what anybody may change. */
  ownerOf(method: string, path: string): string | undefined
  /** Whether files own anything under this list of the gateway. */
  ownsUnder(path: string): boolean
}

const readMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

const decode = (part: string | undefined): string => {
  try {
    return decodeURIComponent(part ?? '')
  } catch {
    // No id looks like this: the route itself refuses it.
    return ''
  }
}

const area = '/api/v1/'
/** What may be done to an instance or alert rule without changing its configuration. */
const harmless = new Set(['restart', 'test'])
/** Kinds whose things stand right under their list, by the first segments of the path. */
const byPath = [
  [['devices'], 'devices'],
  [['types'], 'types'],
  [['roles'], 'roles'],
  [['rules'], 'rules'],
  [['access', 'rules'], 'accessRules'],
] as const

/** The keys of what a path changes: one thing may be known by two. */
function keysOf(path: string): string[] {
  const gateway = /^\/(?:apisix\/)?admin\/(ssls|upstreams|services|stream_routes)\/([^/]+)/.exec(path)
  if (gateway) return [`gateway.${gateway[1]} ${decode(gateway[2])}`]
  if (!path.startsWith(area)) return []
  const parts = path.slice(area.length).split('/')
  if (parts[0] === 'plugins' && parts[2] === 'instances' && parts[3] !== undefined) {
    if (harmless.has(parts[4] ?? '')) return []
    const name = decode(parts[3])
    return [`instances ${parts[1]}/${name}`, `channel of ${parts[1]} ${name}`]
  }
  if (parts[0] === 'channels' && parts[1] !== undefined && parts.length === 2) return [`channels ${decode(parts[1])}`]
  for (const [start, kind] of byPath)
    if (parts.length === start.length + 1 && start.every((part, at) => parts[at] === part))
      return [`${kind} ${decode(parts.at(-1))}`]
  return []
}

export function createOwnership(): Ownership {
  let owners = new Map<string, string>()
  return {
    take({ items }) {
      owners = new Map(
        items.flatMap(({ kind, value, where: { file = 'PATCHBAY_CONFIG' } }) => {
          const key = [`${kind.name} ${kind.idOf(value)}`, file] as const
          if (kind.name !== 'channels') return [key]
          return [key, [`channel of ${String(value['plugin'])} ${kind.idOf(value)}`, file] as const]
        }),
      )
    },
    ownsUnder(path) {
      const kind = /(\w+)\/?$/.exec(path)?.[1] ?? ''
      return [...owners.keys()].some((key) => key.startsWith(`gateway.${kind} `))
    },
    ownerOf(method, path) {
      if (owners.size === 0 || readMethods.has(method)) return undefined
      for (const key of keysOf(path)) {
        const owner = owners.get(key)
        if (owner !== undefined) return owner
      }
      return undefined
    },
  }
}
