import { randomBytes } from 'node:crypto'
import type { Clock } from '@patchbay/core/clock'
import type { Collection, RegistryStore } from '@patchbay/core/registry/port'
import type { CommittedQueue } from '@patchbay/core/rules/committed-queue'
import { createRules, type Rules } from '@patchbay/core/rules/rules'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Log } from '@patchbay/sdk'
import { createFencedRegistry } from '../nodes/fenced-registry.ts'
import type { Nodes } from '../nodes/nodes.ts'
import type { Domain } from './domain.ts'

export interface RulesPartOptions {
  domain: Domain
  registry: RegistryStore
  telemetry: TelemetryStore
  clock: Clock
  /** What the domain was given as its commit tap. */
  queue: CommittedQueue
  nodes: Pick<Nodes, 'onWork' | 'hasWork' | 'membership'>
  log: Log
}

/** What rules remember, and where they stand. */
const isState = (collection: Collection, id: string): boolean =>
  collection === 'rule_states' || (collection === 'meta' && id === 'rules')

/** Joins the rules to devices, telemetry and alerts. They catch up in the background; nothing waits for them. */
export async function createRulesPart(options: RulesPartOptions): Promise<Rules> {
  const { domain, log, nodes, registry } = options
  const { alerting } = domain
  const onFault = (error: unknown) => log.error('a rule failed in the background; it is tried again', { error })
  const rules = createRules({
    ...options,
    registry: nodes.membership.alone ? registry : createFencedRegistry(registry, nodes.hasWork, isState),
    alerts: alerting.alerts,
    randomBytes,
    statusOf: (device) => domain.presence.status(device),
    shadowOf: (device) => domain.hub.shadows.get(device),
    notice({ rule, name, owner, status }) {
      const text = `The rule "${name}" is ${status.state}: ${status.text ?? ''}`
      log.warn(text, { rule, owner, code: status.code })
      alerting.raiseSystem('rule-stopped', undefined, text).catch(onFault)
    },
    onFault,
  })
  alerting.useRules(rules)
  alerting.alerts.onResolvedByHand((rule, device) => rules.resolved(rule, device))
  await rules.load()
  domain.onEvent((event) => {
    if (event.kind !== 'command' && event.kind !== 'sessions') rules.follow(event)
  })
  // One node evaluates all rules, so that each has one state.
  nodes.onWork(() => void rules.start())
  return rules
}
