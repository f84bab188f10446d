import { maxReplyChars, type DeliveryAnswer, type Notification } from '@patchbay/contracts/notification'
import type { AlertDocument, Delivery, OutboxEntry, StoredAlert } from './alert-document.ts'
import { alertLimits } from './limits.ts'
import { type Moment, toIso } from './moment.ts'
import { tell } from './timeline.ts'

/** The idempotency key of a notification over a channel. No part of it holds a dot but the channel, which is last. */
export const toKey = (alert: string, n: number, channel: string): string => `${alert}.${n}.${channel}`

export function findDelivery(
  document: AlertDocument,
  n: number,
  channel: string,
): { entry: OutboxEntry; delivery: Delivery } | undefined {
  const entry = document.outbox.find((each) => each.n === n)
  const delivery = entry?.deliveries.find((each) => each.channel === channel)
  return entry && delivery && { entry, delivery }
}

/**
 * How long a delivery must still wait. More than was meant can only be after a restart with the system's clock set back: then it has
 * waited long enough.
 */
export function toWaitMs({ nextAt, waitMicros = 0 }: Delivery, { steadyMicros }: Moment): number {
  const leftMicros = nextAt === undefined ? 0 : nextAt - steadyMicros
  return leftMicros <= 0 || leftMicros > waitMicros ? 0 : Math.ceil(leftMicros / 1000)
}

/** One channel hears of an alert in order: an earlier notification is tried before this one. */
export const waitsForEarlier = (document: AlertDocument, n: number, channel: string): boolean =>
  document.outbox.some(
    (entry) => entry.n < n && entry.deliveries.some((one) => one.channel === channel && one.state === 'pending'),
  )

export interface Settling {
  n: number
  channel: string
  answer: DeliveryAnswer
  backOffMs: number
}

/** Writes down what a try came to. Answers the state, and when the next try is due; undefined when there was nothing to settle. */
export function settle(
  id: string,
  document: AlertDocument,
  { n, channel, answer, backOffMs }: Settling,
  { wallMicros, steadyMicros }: Moment,
): Delivery | undefined {
  const found = findDelivery(document, n, channel)
  if (!found || found.delivery.state !== 'pending') return undefined
  const { delivery, entry } = found
  delivery.attempts++
  delete delivery.nextAt
  delete delivery.waitMicros
  const endsAt = delivery.since + alertLimits.deliverForMicros
  if (answer.outcome === 'retry') {
    const waitMicros = Math.max(backOffMs, answer.afterMs ?? 0) * 1000
    if (steadyMicros + waitMicros < endsAt) Object.assign(delivery, { nextAt: steadyMicros + waitMicros, waitMicros })
    else delivery.state = 'expired'
  } else delivery.state = answer.outcome
  tell(document, {
    at: toIso(wallMicros),
    kind: 'delivery',
    notification: toKey(id, n, channel),
    notificationKind: entry.kind,
    channel,
    attempt: delivery.attempts,
    outcome: delivery.state === 'pending' ? 'retry' : delivery.state,
    text: answer.reply.slice(0, Math.min(alertLimits.replyLength, maxReplyChars)),
    ...(delivery.waitMicros === undefined ? {} : { nextTryAt: toIso(wallMicros + delivery.waitMicros) }),
  })
  // What failed stays, so that a person can have it tried again.
  document.outbox = document.outbox.filter(({ deliveries }) => deliveries.some(({ state }) => state !== 'delivered'))
  return delivery
}

/** A person wants a failed delivery tried again, for another 24 h. False when it is not failed. */
export function reopenDelivery(
  document: AlertDocument,
  n: number,
  channel: string,
  by: string,
  moment: Moment,
): boolean {
  const found = findDelivery(document, n, channel)
  if (!found || (found.delivery.state !== 'refused' && found.delivery.state !== 'expired')) return false
  Object.assign(found.delivery, { state: 'pending', since: moment.steadyMicros })
  tell(document, { at: toIso(moment.wallMicros), kind: 'retried', by, channel, notificationKind: found.entry.kind })
  return true
}

/** Takes a delivery out for good. */
export function dropDelivery(document: AlertDocument, n: number, channel: string): void {
  for (const entry of document.outbox) {
    if (entry.n === n) entry.deliveries = entry.deliveries.filter((each) => each.channel !== channel)
  }
  document.outbox = document.outbox.filter(({ deliveries }) => deliveries.length > 0)
}

export function toNotification(
  { id, document }: StoredAlert,
  entry: OutboxEntry,
  channel: string,
  linkOf: (alert: string) => string | undefined,
): Notification {
  const { severity, state, count, value, cause, resolvedAt } = entry
  const link = linkOf(id)
  return {
    id: toKey(id, entry.n, channel),
    kind: entry.kind,
    at: entry.at,
    alert: {
      id,
      severity,
      state,
      raisedAt: document.raisedAt,
      ...(resolvedAt === undefined ? {} : { resolvedAt }),
      count,
      value,
      cause,
    },
    rule: { id: document.rule, name: document.ruleName },
    device: { id: document.device, ...document.facts },
    ...(entry.group ? { group: entry.group } : {}),
    ...(link === undefined ? {} : { link }),
  }
}
