import { tierReached, type Verdict } from './check-plugin.ts'
import { tiers } from './rule.ts'

const lineOf = ({ rule, found, exempt }: Verdict): string[] => {
  if (found.length === 0) return []
  if (exempt !== undefined) return [`left out  ${rule.id}: ${exempt}`]
  return [
    `${rule.tier}: ${rule.id}`,
    ...found.map((each) => `  ${each}`),
    `  why, and how to mend it: npx patchbay plugin explain ${rule.id}`,
  ]
}

/** What was found, worst first, and how far the plugin has come. */
export function toReport(verdicts: readonly Verdict[]): string {
  const tier = tierReached(verdicts)
  // What a server refuses comes first, and alone.
  const shown = verdicts.filter(({ rule }) => tier !== undefined || rule.tier === 'required')
  const sorted = shown.toSorted((a, b) => tiers.indexOf(a.rule.tier) - tiers.indexOf(b.rule.tier))
  const kept = verdicts.filter(({ found }) => found.length === 0).length
  const end =
    tier === undefined
      ? 'not good: a server refuses it'
      : `good: a server takes it; ${kept} of ${verdicts.length} rules kept, tier "${tier}"`
  return [...sorted.flatMap(lineOf), end].join('\n')
}
