import type { Rule } from '../rule.ts'
import { search } from '../source-search.ts'

export const rule: Rule = {
  id: 'no-environment',
  tier: 'recommended',
  asks: 'Code does not read process.env, which is empty where it runs',
  find: ({ sources }) =>
    search(sources, /\bprocess\.env\b/g).map(({ place }) => `${place} reads process.env; make it a field.`),
}
