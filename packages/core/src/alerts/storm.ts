import type { NotificationKind } from '@patchbay/contracts/notification'
import { severityRank } from '@patchbay/contracts/severity'
import type { StoredAlert } from './alert-document.ts'
import type { AlertStore } from './alert-store.ts'
import type { Gathered } from './gather.ts'
import { alertLimits, gatherLimits } from './limits.ts'
import { type Moment, toIso } from './moment.ts'
import { boundedValue, tell } from './timeline.ts'

/** Documents of a group that are written at the same time. */
const writesAtOnce = 100

/** The worst, and of those the first, speaks for all. */
const toLeader = (members: readonly Gathered[]): Gathered | undefined =>
  members.reduce<Gathered | undefined>(
    (best, one) => (best && severityRank(best.severity) <= severityRank(one.severity) ? best : one),
    undefined,
  )

/**
 * Makes one notification of many. The leader's document takes the list before the others let go of theirs: a kill in between tells
 * some of them twice and loses none. Answers the leader's alert.
 */
export async function groupTogether(
  members: readonly Gathered[],
  store: AlertStore,
  moment: () => Moment,
): Promise<StoredAlert | undefined> {
  const leader = toLeader(members)
  if (!leader) return undefined
  const listed = members.slice(0, gatherLimits.listed)
  const others = members.filter((one) => one !== leader)
  const alert = await store.change(leader.alert, (document) => {
    const entry = document.outbox.find(({ n }) => n === leader.n)
    if (!entry) return false
    entry.kind = toGroupKind(leader.kind)
    entry.group = {
      count: members.length,
      alerts: listed.map(({ alert: id, device, severity, value }) => ({
        id,
        device,
        severity,
        value: boundedValue(value, alertLimits.groupValueBytes),
      })),
    }
    const at = toIso(moment().wallMicros)
    const text = `told for ${members.length} alerts of this rule`
    tell(document, { at, kind: 'grouped', by: 'platform', notificationKind: entry.kind, text })
    return true
  })
  // Somebody took it out meanwhile: the others stay as they are and are gathered again.
  if (!alert.document.outbox.some(({ n, group }) => n === leader.n && group !== undefined)) return undefined
  for (let from = 0; from < others.length; from += writesAtOnce) {
    await Promise.all(others.slice(from, from + writesAtOnce).map((one) => letGo(one, leader, store, moment)))
  }
  return alert
}

const toGroupKind = (kind: NotificationKind): NotificationKind => (kind === 'raised' ? 'storm' : kind)

async function letGo(one: Gathered, leader: Gathered, store: AlertStore, moment: () => Moment): Promise<void> {
  await store.change(one.alert, (document) => {
    const entry = document.outbox.find(({ n }) => n === one.n)
    if (!entry) return false
    document.outbox = document.outbox.filter((each) => each !== entry)
    const at = toIso(moment().wallMicros)
    const text = `told together with alert ${leader.alert}`
    tell(document, { at, kind: 'grouped', by: 'platform', notificationKind: entry.kind, text })
    return true
  })
}
