import type { Rule } from '../rule.ts'

export const rule: Rule = {
  id: 'migration-tested',
  tier: 'exemplary',
  asks: 'The steps of its migration are tested',
  find: ({ manifest: { configVersion }, tests }) =>
    configVersion === 1 || tests.some(({ code }) => /\bmigrat/i.test(code))
      ? []
      : [`configVersion is ${configVersion}, and no test tries a migration.`],
}
