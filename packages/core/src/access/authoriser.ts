import type { AccessAction, AccessRule, Decision } from '@patchbay/contracts/access'
import { refuse } from '../errors.ts'
import type { Refused } from '../refused.ts'
import { isProvisioning, meaningOf, topics } from '../topic.ts'
import { isTopic, toPlainFilter } from './filter.ts'
import type { Authoriser, ProviderChain, Subject } from './port.ts'
import { findDecision, toRights, type SubjectRights } from './rights.ts'

/** Subjects whose rights are kept worked out; one more turns out the one not asked about for longest. */
export const maxKeptSubjects = 5000

const fixed = (step: string, detail: string): Decision => Object.freeze({ allowed: false, step, detail })
const badTopic = fixed('topic', 'The topic is empty, too long, too deep, or holds a wildcard or NUL.')
const badFilter = fixed('topic', 'The topic filter is not well formed.')
const downTopic = fixed('down-topic', 'Only the platform publishes this topic.')
const provisioningTopic = fixed('provisioning', 'Only a provisioning key uses the topics under provision/.')
const provisioningKey = fixed(
  'provisioning',
  'A provisioning key may publish provision/request and subscribe to provision/response, and nothing else.',
)
const provisions: Decision = Object.freeze({
  allowed: true,
  step: 'built-in',
  detail: 'A provisioning key may ask for a device.',
})
const notAllowed: Record<AccessAction, Decision> = {
  publish: fixed('default', 'Nothing allows publishing to this topic.'),
  subscribe: fixed('default', 'Nothing allows all of this subscription.'),
}

/**
 * The one answer to "may it?", for every protocol. A subject is taken as a value: to change its type, tags or filters hand in
 * another object.
 */
export function createAuthoriser(deps: {
  rules: { readonly sorted: readonly AccessRule[]; readonly generation: number }
  providers: ProviderChain
}): Authoriser {
  const { rules, providers } = deps
  const kept = new Map<Subject, SubjectRights>()
  let keptGeneration = 0

  const rightsOf = (subject: Exclude<Subject, { kind: 'provisioning' }>): SubjectRights => {
    if (keptGeneration !== rules.generation) {
      kept.clear()
      keptGeneration = rules.generation
    }
    let rights = kept.get(subject)
    if (rights) return rights
    rights = toRights(subject, rules.sorted)
    for (const oldest of kept.keys()) {
      if (kept.size < maxKeptSubjects) break
      kept.delete(oldest)
    }
    kept.set(subject, rights)
    return rights
  }

  /** What the rights are read with: the topic, or the filter inside a shared one. */
  const toAsked = (action: AccessAction, topic: string): string | undefined =>
    action === 'subscribe' ? toPlainFilter(topic) : isTopic(topic) ? topic : undefined

  const decide = (subject: Subject, action: AccessAction, topic: string): Decision => {
    const asked = toAsked(action, topic)
    if (asked === undefined) return action === 'publish' ? badTopic : badFilter
    if (subject.kind === 'provisioning') {
      const own = action === 'publish' ? topics.provisionRequest : topics.provisionResponse
      return topic === own ? provisions : provisioningKey
    }
    // Copies too: what devices ask with a provisioning key, and what they are answered, is nobody else's.
    if (isProvisioning(asked)) return provisioningTopic
    if (action === 'publish' && subject.kind === 'device' && meaningOf(topic).kind === 'down') return downTopic
    return findDecision(rightsOf(subject)[action], asked) ?? notAllowed[action]
  }

  return {
    decide,
    async decideWithProviders(subject, action, topic) {
      const own = decide(subject, action, topic)
      const asked = toAsked(action, topic)
      // What is refused by form or by a ban stays so; applications have the filters of their key and no more.
      const isSettled = !own.allowed && own.step !== 'default'
      if (subject.kind !== 'device' || asked === undefined || isSettled || !providers.hasDeciders) return own
      const verdict = await providers.decide({ device: subject.id, action, topic: asked })
      if (!verdict || (verdict.answer === 'allow' && own.allowed)) return own
      const { provider, answer, failed } = verdict
      const said = failed ? 'gave no answer, which denies' : answer === 'allow' ? 'allows it' : 'denies it'
      const detail = `The access provider "${provider}" ${said}.`
      return { allowed: answer === 'allow', step: 'provider', provider, detail }
    },
    get hasProviders() {
      return providers.hasDeciders
    },
    get generation() {
      return rules.generation + providers.generation
    },
  }
}

/** The refusal that a negative decision is, in the words of the catalogue. */
export function toRefusal(decision: Decision, action: AccessAction): Refused {
  const rule = decision.rule ?? decision.provider
  const more = { step: decision.step, ...(rule ? { rule } : {}) }
  if (decision.step === 'topic')
    return refuse(action === 'publish' ? 'TOPIC_INVALID' : 'FILTER_INVALID', undefined, more)
  if (decision.step === 'down-topic') return refuse('TOPIC_DOWN', decision.detail, more)
  return refuse('TOPIC_FORBIDDEN', decision.detail, more)
}
