import type { NotificationKind } from '@patchbay/contracts/notification'
import type { AlertDocument } from './alert-document.ts'
import { alertLimits } from './limits.ts'
import { type Moment, toIso } from './moment.ts'
import type { DeviceFacts, RuleTexts } from './rule-book.ts'
import { tell } from './timeline.ts'

/** What a step of an alert may look at beside its document. */
export interface Surroundings {
  moment: Moment
  rule: RuleTexts | undefined
  /** Undefined when they are not known, or there is no such device. */
  facts: DeviceFacts | undefined
  /** The name of a maintenance window that holds for the device now. */
  maintenance: string | undefined
}

export const isSilenced = (document: AlertDocument, { wallMicros }: Moment): boolean =>
  document.silencedUntil !== undefined && Date.parse(document.silencedUntil) * 1000 > wallMicros

/** Puts a notification into the document's outbox, or writes down why nobody is told. */
export function notify(
  document: AlertDocument,
  kind: NotificationKind,
  channels: readonly string[],
  around: Surroundings,
): void {
  const { moment, maintenance } = around
  const at = toIso(moment.wallMicros)
  const wanted = [...new Set(channels)].slice(0, alertLimits.channels)
  if (wanted.length === 0) return
  const withhold = (text: string): void => tell(document, { at, kind: 'withheld', notificationKind: kind, text })
  if (isSilenced(document, moment)) {
    document.withheld = kind
    withhold(`silenced until ${document.silencedUntil ?? ''}`)
    return
  }
  if (maintenance !== undefined) {
    withhold(`maintenance: ${maintenance}`)
    return
  }
  if (document.outbox.length >= alertLimits.outboxEntries && !dropFailed(document)) {
    withhold(`${alertLimits.outboxEntries} notifications of this alert are undelivered already`)
    return
  }
  delete document.withheld
  document.notified++
  const { severity, state, count, value, cause, resolvedAt } = document
  document.outbox.push({
    n: document.notified,
    kind,
    at,
    severity,
    state,
    count,
    value,
    cause,
    ...(resolvedAt === undefined ? {} : { resolvedAt }),
    deliveries: wanted.map((channel) => ({ channel, state: 'pending', attempts: 0, since: moment.steadyMicros })),
  })
  document.told = [...new Set([...document.told, ...wanted])].slice(0, alertLimits.channels * 2)
  tell(document, { at, kind: 'notified', notificationKind: kind, channels: wanted })
}

/** Makes room by forgetting the oldest notification of which nothing is tried any more. */
function dropFailed(document: AlertDocument): boolean {
  const at = document.outbox.findIndex(({ deliveries }) => deliveries.every(({ state }) => state !== 'pending'))
  if (at === -1) return false
  document.outbox.splice(at, 1)
  return true
}
