import type { Rule } from '../rule.ts'
import { loaded } from '../subject.ts'

export const rule: Rule = {
  id: 'verify-offered',
  tier: 'exemplary',
  asks: 'A plugin that connects somewhere offers `verify`, which the Test button calls',
  async find(subject) {
    const plugin = await loaded(subject)
    const connects = (subject.manifest.needs.connect ?? []).length > 0
    return plugin && connects && plugin.verify === undefined
      ? ['It connects somewhere and has no verify: a wrong address is found only when it runs.']
      : []
  },
}
