import { type Alert, AlertState, TimelineEntry } from '@patchbay/contracts/alert'
import { Time } from '@patchbay/contracts/id'
import { Notification, NotificationKind } from '@patchbay/contracts/notification'
import { Severity } from '@patchbay/contracts/severity'
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Body, Stored } from '../registry/port.ts'
import { alertLimits } from './limits.ts'

/** One notification over one channel. Times in µs of the steady clock; `waitMicros` is how long the wait until `nextAt` was meant to be. */
export const Delivery = Type.Object({
  channel: Type.String(),
  state: Type.Union([
    Type.Literal('pending'),
    Type.Literal('delivered'),
    Type.Literal('refused'),
    Type.Literal('expired'),
  ]),
  attempts: Type.Integer(),
  since: Type.Integer(),
  nextAt: Type.Optional(Type.Integer()),
  waitMicros: Type.Optional(Type.Integer()),
})
export type Delivery = Static<typeof Delivery>

/** A notification that is not done with: what it tells is of its own moment, so that every try tells the same. */
export const OutboxEntry = Type.Object({
  n: Type.Integer(),
  kind: NotificationKind,
  at: Time,
  severity: Severity,
  state: AlertState,
  count: Type.Integer(),
  value: Type.Unknown(),
  cause: Type.String(),
  resolvedAt: Type.Optional(Time),
  group: Type.Optional(Type.Index(Notification, ['group'])),
  deliveries: Type.Array(Delivery),
})
export type OutboxEntry = Static<typeof OutboxEntry>

const Document = Type.Object({
  /** Device and rule: there is at most one active alert of each pair. */
  pair: Type.String(),
  rule: Type.String(),
  ruleName: Type.String(),
  device: Type.String(),
  facts: Type.Object({
    name: Type.Optional(Type.String()),
    type: Type.Optional(Type.String()),
    tags: Type.Array(Type.String()),
  }),
  severity: Severity,
  state: AlertState,
  raisedAt: Time,
  acknowledgedAt: Type.Optional(Time),
  acknowledgedBy: Type.Optional(Type.String()),
  resolvedAt: Type.Optional(Time),
  resolvedBy: Type.Optional(Type.String()),
  assignee: Type.Optional(Type.String()),
  silencedUntil: Type.Optional(Time),
  count: Type.Integer(),
  value: Type.Unknown(),
  cause: Type.String(),
  timeline: Type.Array(TimelineEntry),
  timelineLeftOut: Type.Integer(),
  /** Notifications so far: the last one's number. */
  notified: Type.Integer(),
  /** Channels that were told of it: they hear of its end. */
  told: Type.Array(Type.String()),
  /** The last notification that was held back by a silence. */
  withheld: Type.Optional(NotificationKind),
  outbox: Type.Array(OutboxEntry),
  /** There is something to deliver: absent otherwise, which keeps the index short. */
  pending: Type.Optional(Type.Literal(true)),
  /** Next step by the steady time, and by the wall's. */
  dueAt: Type.Optional(Type.Integer()),
  wakeAt: Type.Optional(Type.Integer()),
  escalation: Type.Optional(Type.Object({ from: Type.Integer(), step: Type.Integer(), dueAt: Type.Integer() })),
  /** Raises of the pair within the window; `calmAt` while it flaps, and whether the condition is clear now. */
  flap: Type.Object({
    raises: Type.Array(Type.Integer()),
    calmAt: Type.Optional(Type.Integer()),
    cleared: Type.Optional(Type.Literal(true)),
  }),
  signals: Type.Array(Type.String()),
})
/** An alert as it is kept. It was parsed for its one reader, who may change it in place. */
export type AlertDocument = Static<typeof Document>

const checked = Compile(Document)

export interface StoredAlert {
  id: string
  version: number
  document: AlertDocument
}

export const toPair = (device: string, rule: string): string => `${device}/${rule}`

export const toStoredAlert = ({ id, version, body }: Stored): StoredAlert | undefined =>
  checked.Check(body) ? { id, version, document: body } : undefined

/** Sets what the indexes look at by what is in it. */
export function toBody(document: AlertDocument): Body {
  const { pending: _pending, dueAt: _dueAt, wakeAt: _wakeAt, ...rest } = document
  const due = [document.escalation?.dueAt, document.flap.calmAt].filter((at) => at !== undefined)
  const pending = document.outbox.some(({ deliveries }) => deliveries.some(({ state }) => state === 'pending'))
  return {
    ...rest,
    ...(pending ? { pending: true } : {}),
    ...(due.length > 0 ? { dueAt: Math.min(...due) } : {}),
    ...(document.silencedUntil === undefined || document.state === 'resolved'
      ? {}
      : { wakeAt: Date.parse(document.silencedUntil) * 1000 }),
  }
}

const countOf = (document: AlertDocument, ...states: Delivery['state'][]): number =>
  document.outbox.reduce(
    (sum, { deliveries }) => sum + deliveries.filter((one) => states.includes(one.state)).length,
    0,
  )

/** As REST shows it. */
export function toAlert(
  { id, version, document }: StoredAlert,
  timelineEntries: number = alertLimits.timelineEntries,
): Alert {
  const { facts, flap, timeline, ...d } = document
  const shown = timeline.slice(-timelineEntries)
  return {
    id,
    rule: d.rule,
    ruleName: d.ruleName,
    device: d.device,
    ...(facts.name === undefined ? {} : { deviceName: facts.name }),
    severity: d.severity,
    state: d.state,
    raisedAt: d.raisedAt,
    ...(d.acknowledgedAt === undefined ? {} : { acknowledgedAt: d.acknowledgedAt }),
    ...(d.acknowledgedBy === undefined ? {} : { acknowledgedBy: d.acknowledgedBy }),
    ...(d.resolvedAt === undefined ? {} : { resolvedAt: d.resolvedAt }),
    ...(d.resolvedBy === undefined ? {} : { resolvedBy: d.resolvedBy }),
    ...(d.assignee === undefined ? {} : { assignee: d.assignee }),
    ...(d.silencedUntil === undefined ? {} : { silencedUntil: d.silencedUntil }),
    ...(flap.calmAt === undefined ? {} : { flapping: true }),
    count: d.count,
    value: d.value,
    cause: d.cause,
    notifications: { pending: countOf(document, 'pending'), failed: countOf(document, 'refused', 'expired') },
    timeline: shown,
    timelineLeftOut: d.timelineLeftOut + timeline.length - shown.length,
    version,
  }
}
