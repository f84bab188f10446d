import type { Alert, AlertState } from '@patchbay/contracts/alert'
import type { Severity } from '@patchbay/contracts/severity'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { ListQuery, RegistryStore } from '../registry/port.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { type Action, acknowledge, assign, comment, endByPlatform, resolveByHand, silence } from './actions.ts'
import { type AlertDocument, type StoredAlert, toAlert, toPair } from './alert-document.ts'
import { createAlertIds } from './alert-ids.ts'
import { type AlertStore, createAlertStore } from './alert-store.ts'
import { createAlertTimers } from './alert-timers.ts'
import { applySignal } from './lifecycle.ts'
import { alertLimits } from './limits.ts'
import type { MaintenanceWindows } from './maintenance.ts'
import { createMoments, type Moment } from './moment.ts'
import type { Surroundings } from './notify.ts'
import type { AlertSignal, AlertSink } from './port.ts'
import type { DeviceBook, RuleBook } from './rule-book.ts'

export interface AlertQuery {
  state?: AlertState
  severity?: Severity
  device?: string
  rule?: string
  limit: number
  cursor?: string
}

/** Alerts and all that happens to them. */
export interface Alerts extends AlertSink {
  /** Goes on with what a restart interrupted. */
  start(): Promise<void>
  get(id: string): Promise<Alert>
  /** Newest first. */
  list(query: AlertQuery): Promise<{ items: Alert[]; nextCursor?: string }>
  acknowledge(id: string, by: string, comment?: string): Promise<Alert>
  resolve(id: string, by: string, comment?: string): Promise<Alert>
  assign(id: string, by: string, assignee: string | null): Promise<Alert>
  comment(id: string, by: string, text: string): Promise<Alert>
  silence(id: string, by: string, until: string | null): Promise<Alert>
  /** A device was deleted: nothing can clear its alerts any more. */
  endOf(device: string): Promise<void>
  /** Told after each write, once it is durable. */
  onChange(hear: (alert: StoredAlert) => void): void
  /** A person ended an alert while its condition may still hold: the rule counts anew. */
  onResolvedByHand(hear: (rule: string, device: string) => void): void
  /** Another node wrote it. */
  heard(id: string): Promise<void>
  /** For the dispatcher: documents with their outboxes. */
  readonly store: AlertStore
  readonly moment: () => Moment
  /** Since the start. */
  readonly counts: { signals: number; raised: number }
  close(): void
}

export function createAlerts(deps: {
  registry: RegistryStore
  clock: Clock
  randomId: () => string
  rules: RuleBook
  devices: DeviceBook
  maintenance: Pick<MaintenanceWindows, 'holdsFor'>
  failed: (error: unknown) => void
}): Alerts {
  const { registry, clock, rules, devices, maintenance } = deps
  const hearers: ((alert: StoredAlert) => void)[] = []
  const endHearers: ((rule: string, device: string) => void)[] = []
  const moment = createMoments(clock)
  const nextId = createAlertIds(() => clock.nowMicros(), deps.randomId)
  const counts = { signals: 0, raised: 0 }
  const store = createAlertStore(registry, (alert) => {
    timers.follow(alert.document)
    for (const hear of hearers) hear(alert)
  })

  const surround = async (device: string, rule: string): Promise<Surroundings> => {
    const facts = await devices.factsOf(device)
    const now = moment()
    return {
      moment: now,
      rule: rules.ruleOf(rule),
      facts,
      maintenance: maintenance.holdsFor(device, facts, now.wallMicros),
    }
  }
  const around = (document: AlertDocument) => surround(document.device, document.rule)
  const timers = createAlertTimers({ clock, store, moment, around, failed: deps.failed })

  const act = async (id: string, action: Action): Promise<Alert> =>
    toAlert(await store.change(id, async (document) => action(document, await around(document))))

  async function applyOne(signal: AlertSignal): Promise<void> {
    const pair = toPair(signal.device, signal.rule)
    await store.alone(pair, async (first) => {
      let last = first
      for (let tries = 0; tries < alertLimits.writeTries; tries++) {
        const effect = applySignal(last?.document, signal, await surround(signal.device, signal.rule))
        if (effect.kind === 'none') return
        const next = effect.kind === 'open' ? { id: nextId(last?.id), version: 0, document: effect.document } : last
        if (next && (await store.put(next))) {
          counts.signals++
          if (effect.kind === 'open') counts.raised++
          return
        }
        last = await store.newestOf(pair)
      }
      throw new StoreUnavailable(`the alert of ${pair} keeps changing`)
    })
  }

  async function applyInOrder(signals: readonly AlertSignal[]): Promise<void> {
    for (const signal of signals) await applyOne(signal)
  }

  return {
    store,
    moment,
    counts,
    async start() {
      await timers.start()
    },
    async apply(signals) {
      const pairs = [...Map.groupBy(signals, ({ device, rule }) => toPair(device, rule)).values()]
      for (let from = 0; from < pairs.length; from += alertLimits.pairsAtOnce) {
        await Promise.all(pairs.slice(from, from + alertLimits.pairsAtOnce).map(applyInOrder))
      }
    },
    async get(id) {
      const alert = await store.read(id)
      if (!alert) throw new DomainError('NOT_FOUND', `There is no alert "${id}".`)
      return toAlert(alert)
    },
    async list({ limit, cursor, ...filters }) {
      const where = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined))
      const query: ListQuery = {
        where,
        sort: { by: 'id', descending: true },
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      }
      const { items, ...more } = await store.list(query)
      return { items: items.map((alert) => toAlert(alert, alertLimits.timelineListed)), ...more }
    },
    acknowledge: (id, by, text) => act(id, acknowledge(by, text)),
    async resolve(id, by, text) {
      const alert = await act(id, resolveByHand(by, text))
      for (const hear of endHearers) hear(alert.rule, alert.device)
      return alert
    },
    assign: (id, by, assignee) => act(id, assign(by, assignee)),
    comment: (id, by, text) => act(id, comment(by, text)),
    silence: (id, by, until) => act(id, silence(by, until)),
    async endOf(device) {
      for (const state of ['open', 'acknowledged']) {
        const { items } = await store.list({ where: { device, state }, limit: alertLimits.endedAtOnce })
        for (const { id } of items) await act(id, endByPlatform('the device was deleted'))
      }
    },
    async heard(id) {
      const alert = await store.read(id)
      if (!alert) return
      const { state, rule, device } = alert.document
      timers.follow(alert.document)
      for (const hear of hearers) hear(alert)
      // The rules are evaluated by one node: what another one resolves was resolved by a person there.
      if (state === 'resolved') for (const hear of endHearers) hear(rule, device)
    },
    onChange: (hear) => void hearers.push(hear),
    onResolvedByHand: (hear) => void endHearers.push(hear),
    close: () => timers.close(),
  }
}
