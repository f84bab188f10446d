import type { Rule } from '../rule.ts'
import { loaded } from '../subject.ts'

export const rule: Rule = {
  id: 'migration-steps',
  tier: 'recommended',
  asks: 'A configuration of each older version can be carried over to configVersion',
  async find(subject) {
    const plugin = await loaded(subject)
    const { configVersion } = subject.manifest
    if (!plugin || configVersion === 1) return []
    const steps = new Set(Object.keys(plugin.migrate).map(Number))
    const missing = Array.from({ length: configVersion - 1 }, (_, index) => index + 1).filter((n) => !steps.has(n))
    return missing.map(
      (n) => `configVersion is ${configVersion}, and migrate has no step ${n} (from ${n} to ${n + 1}).`,
    )
  },
}
