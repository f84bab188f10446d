import type { RuleRecord } from '@patchbay/contracts/rule'
import type { CompiledRule } from './compiled-rule.ts'

/** A device as scopes see it. */
export interface ScopedDevice {
  readonly id: string
  readonly type: string
  readonly tags: readonly string[]
}

export type Scope = RuleRecord['scope']

/** Within a list OR, between lists AND, an empty list does not limit. */
export const isInScope = (scope: Scope, { id, type, tags }: ScopedDevice): boolean =>
  (scope.devices.length === 0 || scope.devices.includes(id)) &&
  (scope.types.length === 0 || scope.types.includes(type)) &&
  (scope.tags.length === 0 || scope.tags.some((tag) => tags.includes(tag)))

export interface ScopedRule {
  rule: CompiledRule
  scope: Scope
}

/** Finds the rules of a device without looking at those of all others: each rule stands under its narrowest list. */
export interface ScopeIndex {
  set(scoped: ScopedRule): void
  delete(id: string): ScopedRule | undefined
  get(id: string): ScopedRule | undefined
  rulesOf(device: ScopedDevice): CompiledRule[]
  all(): Iterable<ScopedRule>
  readonly size: number
}

export function createScopeIndex(): ScopeIndex {
  const byId = new Map<string, ScopedRule>()
  const shelves = new Map<string, Set<ScopedRule>>()

  const namesOf = ({ scope: { devices, types, tags } }: ScopedRule): string[] => {
    if (devices.length > 0) return devices.map((id) => `d${id}`)
    if (types.length > 0) return types.map((id) => `t${id}`)
    return tags.length > 0 ? tags.map((tag) => `g${tag}`) : ['*']
  }
  const remove = (id: string): ScopedRule | undefined => {
    const scoped = byId.get(id)
    if (!scoped) return undefined
    byId.delete(id)
    for (const name of namesOf(scoped)) {
      const shelf = shelves.get(name)
      shelf?.delete(scoped)
      if (shelf?.size === 0) shelves.delete(name)
    }
    return scoped
  }

  return {
    set(scoped) {
      remove(scoped.rule.id)
      byId.set(scoped.rule.id, scoped)
      for (const name of namesOf(scoped)) {
        const shelf = shelves.get(name) ?? new Set()
        shelves.set(name, shelf.add(scoped))
      }
    },
    delete: remove,
    get: (id) => byId.get(id),
    rulesOf(device) {
      const names = [`d${device.id}`, `t${device.type}`, ...device.tags.map((tag) => `g${tag}`), '*']
      const found = new Set<CompiledRule>()
      for (const name of names) {
        for (const { rule, scope } of shelves.get(name) ?? []) if (isInScope(scope, device)) found.add(rule)
      }
      return [...found]
    },
    all: () => byId.values(),
    get size() {
      return byId.size
    },
  }
}
