import type { Rule } from '../rule.ts'
import { search } from '../source-search.ts'

export const rule: Rule = {
  id: 'timers-by-context',
  tier: 'recommended',
  asks: 'What is done again and again is done by ctx.every, which stops with the instance',
  find: ({ sources }) =>
    search(sources, /\bsetInterval\s*\(/g).map(
      ({ place }) => `${place} calls setInterval; ctx.every never runs twice at once and ends with the instance.`,
    ),
}
