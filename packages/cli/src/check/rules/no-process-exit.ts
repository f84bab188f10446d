import type { Rule } from '../rule.ts'
import { search } from '../source-search.ts'

export const rule: Rule = {
  id: 'no-process-exit',
  tier: 'recommended',
  asks: 'Code does not end its process',
  find: ({ sources }) =>
    search(sources, /\bprocess\.(exit|abort|kill)\s*\(/g).map(
      ({ place, found }) => `${place} calls ${found}); throw instead, so that the host knows why.`,
    ),
}
