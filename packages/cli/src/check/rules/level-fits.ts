import { hostServicesOf } from '@patchbay/plugin-host/service-names'
import type { Rule } from '../rule.ts'

export const rule: Rule = {
  id: 'level-fits',
  tier: 'required',
  asks: 'A plugin that needs a service of host level asks for host level',
  find: ({ manifest: { needs, isolation } }) =>
    isolation.least === 'host'
      ? []
      : hostServicesOf(needs).map(
          (name) =>
            `needs.services names ${name}, which exists at host level only; isolation.least is "${isolation.least}".`,
        ),
}
