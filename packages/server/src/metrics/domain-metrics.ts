import type { FrontDoor } from '../front-door/front-door.ts'
import type { Rules } from '@patchbay/core/rules/rules'
import type { Domain } from '../parts/domain.ts'
import type { Metrics } from './metrics.ts'

/** What the platform does, as Prometheus sees it. Values are read when scraped, so that the hot path counts nothing twice. */
export const measureDomain = (
  metrics: Metrics,
  { domain, frontDoor, rules }: { domain: Domain; frontDoor: FrontDoor; rules: Pick<Rules, 'stats'> },
): void => {
  const gauge = (name: string, help: string, labels: readonly string[] = []) =>
    metrics.gauge({ name: `patchbay_${name}`, help, labels })
  const devices = gauge('devices', 'Registered devices')
  const online = gauge('devices_online', 'Devices that are online')
  const sessions = gauge('sessions', 'Live sessions')
  const subscriptions = gauge('subscriptions', 'Live subscriptions outside the brokers of adapters')
  const commands = gauge('commands_open', 'Commands that have not ended')
  const ingest = gauge('ingest', 'Counters and queues of ingest since the start', ['what'])
  const refusals = gauge('refusals', 'Refusals since the start', ['what'])
  const faults = gauge('faults', 'Errors of our own or of plugins that nobody awaited, since the start')
  const ruleStats = gauge('rules', 'What rules do: counters since the start, and points they are behind', ['what'])
  const connections = gauge('connections', 'Open connections', ['listener'])
  const refused = gauge('connections_refused', 'Connections refused at the front door since the start', ['listener'])

  metrics.collect(() => {
    const stats = domain.hub.stats()
    devices.set(domain.devices.count)
    online.set(domain.presence.onlineCount)
    sessions.set(stats.sessions)
    subscriptions.set(stats.subscriptions)
    commands.set(stats.openCommands)
    faults.set(stats.faults)
    for (const [what, value] of Object.entries(stats.ingest)) {
      if (typeof value === 'number') ingest.set(value, { what })
    }
    for (const [what, value] of Object.entries(rules.stats())) ruleStats.set(value, { what })
    refusals.set(domain.refusals.recorded, { what: 'recorded' })
    refusals.set(domain.refusals.dropped, { what: 'dropped' })
    for (const listener of frontDoor.listeners()) {
      connections.set(listener.connections, { listener: listener.name })
      refused.set(listener.refused, { listener: listener.name })
    }
  })
}
