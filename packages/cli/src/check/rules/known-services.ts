import { serviceNames } from '@patchbay/plugin-host/service-names'
import type { Rule } from '../rule.ts'

export const rule: Rule = {
  id: 'known-services',
  tier: 'recommended',
  asks: 'Every service that needs.services names exists',
  find: ({ manifest: { needs } }) =>
    (needs.services ?? [])
      .filter((name) => !serviceNames.some((known) => known === name))
      .map((name) => `needs.services names "${name}"; there are ${serviceNames.join(', ')}.`),
}
