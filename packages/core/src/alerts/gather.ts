import type { NotificationKind } from '@patchbay/contracts/notification'
import type { Severity } from '@patchbay/contracts/severity'
import type { Clock } from '../clock.ts'
import { gatherLimits } from './limits.ts'

/** A notification that waits for others like it. */
export interface Gathered {
  alert: string
  n: number
  rule: string
  kind: NotificationKind
  channels: readonly string[]
  device: string
  severity: Severity
  value: unknown
}

/**
 * Holds notifications of one rule, kind and audience together for a moment, so that many alerts at once are told as one. Only what was
 * not given out lies here; it is in the alerts' documents too, and is gathered again after a restart.
 */
export interface Gather {
  add(one: Gathered): void
  has(alert: string, n: number): boolean
  /** Gives everything out at once. */
  close(): void
}

interface Group {
  members: Gathered[]
  firstMs: number
  lastMs: number
  /** A storm was told: the rest of its minute is told together. */
  coolsAtMs: number | undefined
  cancel: () => void
}

const toMemberKey = (alert: string, n: number): string => `${alert}.${n}`

export function createGather(clock: Clock, onGroup: (members: Gathered[]) => void): Gather {
  const groups = new Map<string, Group>()
  const held = new Set<string>()

  function dueMs({ members, firstMs, lastMs, coolsAtMs }: Group): number {
    if (members.length >= gatherLimits.members) return 0
    return coolsAtMs ?? Math.min(lastMs + gatherLimits.quietMs, firstMs + gatherLimits.mostMs)
  }

  function arm(key: string, group: Group): void {
    group.cancel()
    const waitMs = Math.max(0, dueMs(group) - clock.monotonicMs())
    group.cancel = clock.after(waitMs, () => {
      if (clock.monotonicMs() < dueMs(group)) arm(key, group)
      else giveOut(key, group)
    })
  }

  function giveOut(key: string, group: Group): void {
    const { members } = group
    const isStorm = members.length >= gatherLimits.stormAlerts
    const nowMs = clock.monotonicMs()
    if (isStorm) {
      const from = group.coolsAtMs ?? group.firstMs
      const coolsAtMs = Math.max(from + gatherLimits.windowMs, nowMs)
      Object.assign(group, { members: [], firstMs: nowMs, lastMs: nowMs, coolsAtMs })
      arm(key, group)
    } else groups.delete(key)
    if (members.length === 0) return
    for (const { alert, n } of members) held.delete(toMemberKey(alert, n))
    onGroup(members)
  }

  return {
    add(one) {
      const memberKey = toMemberKey(one.alert, one.n)
      if (held.has(memberKey)) return
      const key = JSON.stringify([one.rule, one.kind, one.channels])
      const nowMs = clock.monotonicMs()
      let group = groups.get(key)
      if (!group) {
        if (groups.size >= gatherLimits.groups) {
          onGroup([one])
          return
        }
        group = { members: [], firstMs: nowMs, lastMs: nowMs, coolsAtMs: undefined, cancel: () => {} }
        groups.set(key, group)
        group.members.push(one)
        held.add(memberKey)
        arm(key, group)
        return
      }
      held.add(memberKey)
      group.members.push(one)
      // The timer looks again when it rings: it need not be moved for each.
      group.lastMs = nowMs
      if (group.members.length >= gatherLimits.members) arm(key, group)
    },
    has: (alert, n) => held.has(toMemberKey(alert, n)),
    close() {
      for (const { cancel } of groups.values()) cancel()
      groups.clear()
      held.clear()
    },
  }
}
