import type { AccessAction, AccessRule, Decision } from '@patchbay/contracts/access'
import { DeviceId } from '@patchbay/contracts/id'
import { Value } from 'typebox/value'
import { covers, intersects, isFilter } from './filter.ts'
import type { Subject } from './port.ts'

interface Right {
  filter: string
  /** Made once, so that answering costs nothing. */
  decision: Decision
}

/** All that is to be looked at for one action of one subject, in order. */
interface Rights {
  deny: Right[]
  allow: Right[]
  own: Right[]
}

export type SubjectRights = Record<AccessAction, Rights>

const isInScope = (rule: AccessRule, device: Extract<Subject, { kind: 'device' }>): boolean => {
  const { devices = [], types = [], tags = [] } = rule.scope
  return (
    (devices.length === 0 || devices.includes(device.id)) &&
    (types.length === 0 || types.includes(device.type)) &&
    (tags.length === 0 || device.tags.some((tag) => tags.includes(tag)))
  )
}

/** A rule with a scope or with {id} speaks of devices; applications have neither, and only bans concern them. */
const concernsApplications = (rule: AccessRule): boolean => {
  const { devices = [], types = [], tags = [] } = rule.scope
  return rule.effect === 'deny' && devices.length + types.length + tags.length === 0 && !rule.filter.includes('{id}')
}

const toRight = (rule: AccessRule, filter: string): Right => {
  const allowed = rule.effect === 'allow'
  const detail = `The access rule "${rule.id}" ${allowed ? 'allows' : 'denies'} ${rule.filter}.`
  return { filter, decision: Object.freeze({ allowed, step: 'rule', rule: rule.id, detail }) }
}

const toOwn = (filter: string, whose: string): Right => ({
  filter,
  decision: Object.freeze({ allowed: true, step: 'built-in', detail: `${whose} ${filter}.` }),
})

const toGranted = (filter: string, provider: string): Right => {
  const detail = `The access provider "${provider}" grants ${filter} to this login.`
  return { filter, decision: Object.freeze({ allowed: true, step: 'provider', provider, detail }) }
}

/** Works out once what the rules, the built-in rights or the key's filters mean for this subject. */
export function toRights(
  subject: Exclude<Subject, { kind: 'provisioning' }>,
  rules: readonly AccessRule[],
): SubjectRights {
  const rights: SubjectRights = {
    publish: { deny: [], allow: [], own: [] },
    subscribe: { deny: [], allow: [], own: [] },
  }
  const isDevice = subject.kind === 'device'
  // The id becomes part of filters: one with a wildcard in it would have rights over others. Nothing is allowed to it then.
  if (isDevice && !Value.Check(DeviceId, subject.id)) return rights
  for (const rule of rules) {
    if (isDevice ? !isInScope(rule, subject) : !concernsApplications(rule)) continue
    const right = toRight(rule, isDevice ? rule.filter.split('{id}').join(subject.id) : rule.filter)
    for (const action of rule.actions) rights[action][rule.effect].push(right)
  }
  if (isDevice) {
    const own = toOwn(`devices/${subject.id}/#`, 'A device may use')
    rights.publish.own.push(own, toOwn(`sensors/${subject.id}/+`, 'A device may publish'))
    rights.subscribe.own.push(own)
    const { grants } = subject
    if (!grants) return rights
    for (const action of ['publish', 'subscribe'] as const) {
      for (const filter of grants[action]) rights[action].allow.push(toGranted(filter, grants.provider))
    }
    return rights
  }
  for (const action of ['publish', 'subscribe'] as const) {
    for (const filter of subject[action]) {
      if (isFilter(filter)) rights[action].own.push(toOwn(filter, `The key may ${action}`))
    }
  }
  return rights
}

/**
 * Any deny wins, then any allow, then what is the subject's own. A deny of part of a subscription denies all of it; an allow
 * must cover all of it. `asked` is a topic or a plain filter.
 */
export function findDecision({ deny, allow, own }: Rights, asked: string): Decision | undefined {
  for (const right of deny) if (intersects(right.filter, asked)) return right.decision
  for (const right of allow) if (covers(right.filter, asked)) return right.decision
  for (const right of own) if (covers(right.filter, asked)) return right.decision
  return undefined
}
