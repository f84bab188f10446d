import { AccessRuleBody, NewAccessRule, type AccessRule, type Scope } from '@patchbay/contracts/access'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { Clock } from '../clock.ts'
import type { HearDeviceEvent } from '../devices/port.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore, WriteResult } from '../registry/port.ts'
import { isFilter } from './filter.ts'

/** Every rule is looked at when a client's rights are worked out. */
export const maxAccessRules = 1000
export const defaultRuleOrder = 100
const loadPage = 500

type RuleFields = Omit<AccessRule, 'version'>
type RuleInput = Omit<NewAccessRule, 'id'>

export interface AccessRules {
  /** In the order they are looked at. */
  readonly sorted: readonly AccessRule[]
  /** Grows with each change. */
  readonly generation: number
  /** Reads all rules, anew; before it, none is known. */
  load(): Promise<void>
  list(query: { limit: number; cursor?: string }): Promise<{ items: AccessRule[]; nextCursor?: string }>
  get(id: string): AccessRule
  create(rule: NewAccessRule): Promise<AccessRule>
  replace(id: string, rule: RuleInput, expected?: number): Promise<AccessRule>
  remove(id: string, expected?: number): Promise<void>
}

/** The admin's extra rights and bans, held in memory: the authoriser reads them for each question. */
export function createAccessRules(deps: {
  registry: RegistryStore
  clock: Clock
  randomBytes: (size: number) => Uint8Array
  hear: HearDeviceEvent
}): AccessRules {
  const { registry, clock, hear } = deps
  const rules = new Map<string, AccessRule>()
  let sorted: readonly AccessRule[] = []
  let generation = 1

  const changed = () => {
    sorted = [...rules.values()].sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1))
    generation++
    hear({ kind: 'access-changed' })
  }
  const get = (id: string): AccessRule => {
    const rule = rules.get(id)
    if (!rule) throw new DomainError('NOT_FOUND', `There is no access rule "${id}".`)
    return rule
  }

  return {
    get sorted() {
      return sorted
    },
    get generation() {
      return generation
    },
    async load() {
      const found = new Map<string, AccessRule>()
      let cursor: string | undefined
      do {
        const page = await registry.list<RuleFields>('access_rules', { limit: loadPage, ...(cursor ? { cursor } : {}) })
        for (const { id, version, body } of page.items) found.set(id, { ...body, id, version })
        cursor = page.nextCursor
      } while (cursor)
      rules.clear()
      for (const [id, rule] of found) rules.set(id, rule)
      changed()
    },
    async list(query) {
      const page = await registry.list<RuleFields>('access_rules', { ...query, sort: { by: 'order' } })
      const items = page.items.map(({ id, version, body }) => ({ ...body, id, version }))
      return { items, ...(page.nextCursor ? { nextCursor: page.nextCursor } : {}) }
    },
    get,
    async create(input) {
      check(NewAccessRule, input)
      if (rules.size >= maxAccessRules) {
        throw new DomainError('LIMIT_REACHED', `There are ${maxAccessRules} access rules already.`)
      }
      const id = input.id ?? `rule-${Buffer.from(deps.randomBytes(6)).toString('hex')}`
      const fields = toFields(id, input, new Date(clock.nowMicros() / 1000).toISOString())
      const put = await registry.put('access_rules', id, fields, 'new')
      if (!put.ok) throw new DomainError('ALREADY_EXISTS', `There is an access rule "${id}" already.`)
      const rule = { ...fields, version: put.version }
      rules.set(id, rule)
      changed()
      return rule
    },
    async replace(id, input, expected) {
      check(AccessRuleBody, input)
      const fields = toFields(id, input, get(id).createdAt)
      const put = await registry.put('access_rules', id, fields, expected ?? get(id).version)
      assertDone(put, id)
      const rule = { ...fields, version: put.version }
      rules.set(id, rule)
      changed()
      return rule
    },
    async remove(id, expected) {
      get(id)
      assertDone(await registry.delete('access_rules', id, expected ?? 'any'), id)
      rules.delete(id)
      changed()
    },
  }
}

function assertDone(result: WriteResult, id: string): void {
  if (result.ok) return
  if (result.version === 0) throw new DomainError('NOT_FOUND', `There is no access rule "${id}".`)
  throw new DomainError('VERSION_CONFLICT', `The access rule "${id}" is at version ${result.version}.`)
}

function toFields(id: string, input: RuleInput, createdAt: string): RuleFields {
  const scope: Scope = {
    devices: input.scope?.devices ?? [],
    types: input.scope?.types ?? [],
    tags: input.scope?.tags ?? [],
  }
  const { effect, actions, filter } = input
  return { id, effect, actions: [...actions], filter, scope, order: input.order ?? defaultRuleOrder, createdAt }
}

function check(schema: TSchema, input: RuleInput): void {
  const fields = [...Value.Errors(schema, input)].map((error) => ({
    path: error.instancePath,
    code: error.keyword,
    message: error.message,
  }))
  if (fields.length > 0) throw new DomainError('FIELD_INVALID', 'The access rule is not well formed.', { fields })
  // A rule is about topics; how subscribers share them is not its matter, so `$share/…` would only mislead.
  if (input.filter.startsWith('$share') || !isFilter(input.filter.replaceAll('{id}', 'x'))) {
    const wrong = { path: '/filter', code: 'filter', message: 'is not a topic filter' }
    throw new DomainError('FIELD_INVALID', 'The filter of the access rule is not well formed.', { fields: [wrong] })
  }
}
