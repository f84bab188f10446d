import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { isFilter } from './filter.ts'
import type { LoginVerdict } from './port.ts'

/** Filters that one provider may grant to one login, for each action. */
export const maxGrantedFilters = 100

const Filters = Type.Array(Type.String(), { maxItems: maxGrantedFilters })
const Allowed = Type.Object({
  answer: Type.Literal('allow'),
  endsAtMicros: Type.Optional(Type.Number({ minimum: 0 })),
  publish: Type.Optional(Filters),
  subscribe: Type.Optional(Filters),
})

/** Reads what a plugin answered to a login, whatever it is: nonsense must deny, not be taken for something near it. */
export function toLoginAnswer(provider: string, answer: unknown): LoginVerdict | 'nonsense' {
  if (answer === undefined) return undefined
  if (answer === 'allow' || answer === 'deny') return { answer, provider }
  if (!Value.Check(Allowed, answer)) return 'nonsense'
  const { endsAtMicros, publish = [], subscribe = [] } = answer
  if (![...publish, ...subscribe].every((filter) => isFilter(filter) && !filter.startsWith('$share'))) return 'nonsense'
  return {
    answer: 'allow',
    provider,
    ...(endsAtMicros === undefined ? {} : { endsAtMicros }),
    ...(publish.length + subscribe.length === 0 ? {} : { grants: { provider, publish, subscribe } }),
  }
}

/** Two providers allow: the first is named, the earlier end holds, and the session has what both grant. */
export function joinAllows(first: LoginVerdict, second: LoginVerdict): LoginVerdict {
  if (!first || !second) return first ?? second
  const endsAtMicros = Math.min(first.endsAtMicros ?? Infinity, second.endsAtMicros ?? Infinity)
  const all = [first.grants, second.grants].filter((grants) => grants !== undefined)
  const grants = all[0] && {
    provider: all[0].provider,
    publish: all.flatMap(({ publish }) => publish),
    subscribe: all.flatMap(({ subscribe }) => subscribe),
  }
  return {
    answer: first.answer,
    provider: first.provider,
    ...(endsAtMicros === Infinity ? {} : { endsAtMicros }),
    ...(grants ? { grants } : {}),
  }
}
