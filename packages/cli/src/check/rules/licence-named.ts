import type { Rule } from '../rule.ts'

export const rule: Rule = {
  id: 'licence-named',
  tier: 'exemplary',
  asks: 'package.json names a licence',
  find: ({ pack }) =>
    typeof pack['license'] === 'string' && pack['license'].trim() !== ''
      ? []
      : ['package.json has no license, so nobody knows what they may do with it.'],
}
