import { randomBytes } from 'node:crypto'
import { type Alerts, createAlerts } from '@patchbay/core/alerts/alerts'
import { createDispatcher, type Dispatcher } from '@patchbay/core/alerts/dispatcher'
import { createMaintenance, type MaintenanceWindows } from '@patchbay/core/alerts/maintenance'
import type { ChannelDelivery } from '@patchbay/core/alerts/port'
import type { RuleBook } from '@patchbay/core/alerts/rule-book'
import { createSystemAlerts, type RaiseSystem, withSystemRules } from '@patchbay/core/alerts/system-alerts'
import type { Clock } from '@patchbay/core/clock'
import type { Devices } from '@patchbay/core/devices/directory'
import { DomainError } from '@patchbay/core/errors'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { Nodes } from '../nodes/nodes.ts'
import type { Jobs } from './jobs.ts'

/** The store was away when this node went on with the alerts: after so long it tries again. */
const startRetryMs = 1_000

/** Alerts and what brings them to people. */
export interface Alerting {
  alerts: Alerts
  maintenance: MaintenanceWindows
  dispatcher: Dispatcher
  jobs: Jobs['queue']
  raiseSystem: RaiseSystem
  clearSystem: RaiseSystem
  /** Where alerts look up the names and channels of rules from now on. */
  useRules(book: RuleBook): void
  /** Ends deliveries, before the channels stop. */
  stopDeliveries(): Promise<void>
  close(): Promise<void>
}

export interface AlertingOptions {
  registry: RegistryStore
  clock: Clock
  devices: Pick<Devices, 'get'>
  channels: ChannelDelivery
  jobs: Jobs
  /** The console's address, where it is known. */
  publicUrl?: string
  failed: (error: unknown) => void
  /** Of several nodes one follows alerts through time and brings them to people. */
  nodes: Pick<Nodes, 'onWork'>
}

/** Joins alerts to devices, rules, channels and the job queue. */
export const createAlerting = async (options: AlertingOptions): Promise<Alerting> => {
  const { registry, clock, devices, jobs, publicUrl, failed, nodes } = options
  let book: RuleBook | undefined
  const randomId = () => randomBytes(9).toString('base64url')
  const maintenance = createMaintenance({ registry, clock, randomId })
  const alerts = createAlerts({
    registry,
    clock,
    randomId,
    rules: withSystemRules(() => book),
    devices: {
      factsOf: (id) =>
        devices.get(id).catch((error: unknown) => {
          if (error instanceof DomainError && error.code === 'NOT_FOUND') return undefined
          throw error
        }),
    },
    maintenance,
    failed,
  })
  const system = createSystemAlerts({ sink: alerts, nowMicros: () => clock.nowMicros(), randomId })
  const dispatcher = createDispatcher({
    alerts,
    jobs: jobs.queue,
    channels: options.channels,
    clock,
    random: Math.random,
    linkOf: (alert) => (publicUrl === undefined ? undefined : `${publicUrl}/alerts/${alert}`),
    raiseSystem: system.raiseSystem,
    failed,
  })
  jobs.onRisks((risks) => {
    const told =
      risks.length > 0
        ? system.raiseSystem('queue-unsafe', undefined, risks.join(' '))
        : system.clearSystem('queue-unsafe', undefined, 'Redis is set as it should be.')
    told.catch(failed)
  })
  await maintenance.load()
  nodes.onWork(function begin() {
    alerts.start().catch((error: unknown) => {
      failed(error)
      clock.after(startRetryMs, begin)
    })
  })
  let stopped: Promise<void> | undefined
  const stopDeliveries = () => (stopped ??= dispatcher.close())
  return {
    alerts,
    maintenance,
    dispatcher,
    jobs: jobs.queue,
    ...system,
    useRules: (rules) => void (book = rules),
    stopDeliveries,
    async close() {
      await stopDeliveries()
      alerts.close()
      await jobs.queue.close()
    },
  }
}
