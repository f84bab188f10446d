import type { AccessAction, Decision } from '@patchbay/contracts/access'
import { isFilter, isTopic } from '../access/filter.ts'
import type { Authoriser, Subject } from '../access/port.ts'

/** The authoriser's answers, also for callers that may use everything. */
export interface AccessCheck {
  /** From memory alone. */
  decide(subject: Subject | 'all', action: AccessAction, name: string): Decision
  /** The whole answer: at once when no access plugin has a say. */
  check(subject: Subject | 'all', action: AccessAction, name: string): Decision | Promise<Decision>
}

const everything: Decision = { allowed: true, step: 'built-in', detail: 'This caller may use every topic.' }
const badName: Decision = { allowed: false, step: 'topic', detail: 'The topic or filter is not well formed.' }

export function createAccessCheck(authoriser: Authoriser): AccessCheck {
  const toAll = (action: AccessAction, name: string): Decision =>
    (action === 'publish' ? isTopic(name) : isFilter(name)) ? everything : badName

  return {
    decide: (subject, action, name) =>
      subject === 'all' ? toAll(action, name) : authoriser.decide(subject, action, name),
    check(subject, action, name) {
      if (subject === 'all') return toAll(action, name)
      if (!authoriser.hasProviders) return authoriser.decide(subject, action, name)
      return authoriser.decideWithProviders(subject, action, name)
    },
  }
}
