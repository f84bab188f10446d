import { isHostError } from '@patchbay/plugin-host/errors'
import { exemptionsOf } from './exemptions.ts'
import type { Rule, Tier } from './rule.ts'
import { tiers } from './rule.ts'
import { rules as allRules } from './rules.ts'
import { readSubject, type Subject } from './subject.ts'

export interface Verdict {
  rule: Pick<Rule, 'id' | 'tier' | 'asks'>
  /** What is against it; empty = kept. */
  found: readonly string[]
  /** Why its author leaves it out. */
  exempt?: string
}

const first = { id: 'manifest-valid', tier: 'required', asks: 'plugin.json is as described' } as const

/** Asks every rule of a plugin's folder. Without a manifest that can be read there is only one answer. */
export async function checkPlugin(folder: string, rules: readonly Rule[] = allRules): Promise<Verdict[]> {
  let subject: Subject
  try {
    subject = await readSubject(folder)
  } catch (error) {
    if (!isHostError(error)) throw error
    return [{ rule: first, found: [`${error.message} (${error.code})`] }]
  }
  const exempt = exemptionsOf(subject.pack)
  const verdicts: Verdict[] = []
  for (const rule of rules) {
    const found = await rule.find(subject)
    const reason = rule.tier === 'required' ? undefined : exempt.get(rule.id)
    verdicts.push({ rule, found, ...(reason === undefined ? {} : { exempt: reason }) })
  }
  return verdicts
}

const isKept = ({ found, exempt }: Verdict): boolean => found.length === 0 || exempt !== undefined

/** Every rule of this tier, and of those before it, is kept or left out with a reason. */
export const reaches = (verdicts: readonly Verdict[], tier: Tier): boolean =>
  verdicts.every((verdict) => isKept(verdict) || tiers.indexOf(verdict.rule.tier) > tiers.indexOf(tier))

/** The best tier that is reached; undefined = a server refuses it. */
export const tierReached = (verdicts: readonly Verdict[]): Tier | undefined =>
  tiers.toReversed().find((tier) => reaches(verdicts, tier))
