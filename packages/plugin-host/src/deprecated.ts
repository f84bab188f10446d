import type { Deprecation, Log, Plugin } from '@patchbay/sdk'
import semver from 'semver'

const memberPrefix = 'ctx.'
const apiPrefix = 'api '

/** What one plugin uses of what is deprecated. */
export interface DeprecatedUse {
  /** Deprecated members of the context, such as `ctx.every`. */
  readonly members: readonly string[]
  /** What it has been told of, in that order. */
  readonly found: readonly Deprecation[]
  /** Tells of a member, once; a name that is not deprecated says nothing. */
  used(name: string): void
}

/** What is wrong with a table of deprecations, for whoever adds a line; each is a sentence. */
export function faultsOf(table: readonly Deprecation[], apiVersion: string): string[] {
  return table.flatMap(({ name, since, gone, instead }) => {
    const faults: string[] = []
    const range = name.startsWith(apiPrefix) ? semver.validRange(name.slice(apiPrefix.length)) : ''
    if (range === null || (range === '' && !/^ctx(\.[a-z][A-Za-z]*)+$/.test(name)))
      faults.push(`${name} is neither a member of ctx nor a range of versions`)
    // Only a major takes something away, and a minor that says so comes before it.
    if (semver.valid(since) === null || semver.patch(since) !== 0 || semver.gt(since, apiVersion))
      faults.push(`${name}: ${since} is no minor that is out`)
    if (semver.valid(gone) === null || gone !== `${semver.major(gone)}.0.0` || !semver.gt(gone, apiVersion))
      faults.push(`${name}: ${gone} is no major to come`)
    if (!/^[A-Z`].*\.$/.test(instead)) faults.push(`${name}: what to do instead is no sentence`)
    return faults
  })
}

/** The versions of the plugin API in a table that a manifest takes with its range. */
export const deprecatedVersions = (table: readonly Deprecation[], range: string): Deprecation[] =>
  table.filter(({ name }) => name.startsWith(apiPrefix) && semver.intersects(range, name.slice(apiPrefix.length)))

/** Notes what a plugin uses of a table, each once, in the log of the plugin. `range` is what its manifest says of the plugin API. */
export function createDeprecatedUse(
  table: readonly Deprecation[],
  { plugin, range, log }: { plugin: string; range: string; log: Log },
): DeprecatedUse {
  const found: Deprecation[] = []
  const tell = (deprecation: Deprecation): void => {
    if (found.includes(deprecation)) return
    found.push(deprecation)
    const { name, since, gone, instead } = deprecation
    log.warn(`${name} is deprecated since plugin API ${since} and gone in ${gone}. ${instead}`, { plugin })
  }
  for (const each of deprecatedVersions(table, range)) tell(each)
  return {
    members: table.map(({ name }) => name).filter((name) => name.startsWith(memberPrefix)),
    found,
    used(name) {
      const deprecation = table.find((each) => each.name === name)
      if (deprecation) tell(deprecation)
    },
  }
}

const descriptorOf = (of: object, member: string): PropertyDescriptor | undefined => {
  for (let at: object | null = of; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, member)
    if (found) return found
  }
  return undefined
}

/** A service that tells of one of its members; the others are its own. */
function watchService(service: object, path: readonly string[], told: () => void): object {
  const [member = '', ...rest] = path
  return new Proxy(service, {
    get(target, key) {
      // Called on the service itself: it may keep things that a proxy has not.
      const value: unknown = Reflect.get(target, key, target)
      const own: unknown = typeof value === 'function' ? value.bind(target) : value
      if (key !== member) return own
      if (rest.length === 0) told()
      return rest.length > 0 && typeof own === 'object' && own !== null ? watchService(own, rest, told) : own
    },
  })
}

function watchMember(of: object, path: readonly string[], told: () => void): void {
  const [member = '', ...rest] = path
  const found = descriptorOf(of, member)
  if (!found) return
  Object.defineProperty(of, member, {
    configurable: true,
    enumerable: true,
    get(): unknown {
      const value: unknown = found.get ? Reflect.apply(found.get, of, []) : found.value
      if (rest.length === 0) told()
      return rest.length > 0 && typeof value === 'object' && value !== null ? watchService(value, rest, told) : value
    },
  })
}

/** The plugin, with a context that tells which deprecated members its code reads. Nothing is in the way of the others. */
export function watchDeprecated(plugin: Plugin, { members, used }: Pick<DeprecatedUse, 'members' | 'used'>): Plugin {
  if (members.length === 0) return plugin
  return {
    ...plugin,
    async setup(context: object) {
      for (const name of members) watchMember(context, name.slice(memberPrefix.length).split('.'), () => used(name))
      await Reflect.apply(plugin.setup, plugin, [context])
    },
  }
}
