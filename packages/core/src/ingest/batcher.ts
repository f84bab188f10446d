import type { Settle } from '@patchbay/contracts/session'
import type { Clock } from '../clock.ts'
import { refuse } from '../errors.ts'
import type { Refused } from '../refused.ts'
import type { CommitTap } from '../rules/port.ts'
import type { Batch, TelemetryStore } from '../telemetry/port.ts'
import { Columns } from './columns.ts'
import type { DeviceIngest } from './device-ingest.ts'
import { ingestLimits } from './limits.ts'

/** Messages whose points are committed together. Index i of `settles` and `owners` is one message. */
interface Group {
  columns: Columns
  settles: Settle[]
  owners: DeviceIngest[]
  outcome: Refused | undefined
  /** A copy of its rows for whoever listens, and the number of the last of them. */
  copy: Batch | undefined
  last: number
  done: boolean
}

export interface BatcherStats {
  messages: number
  points: number
  groups: number
  refused: number
  shedQos0: number
  pointsWaiting: number
  messagesWaiting: number
}

/**
 * Group commit: messages that arrive together go to the store in one append, and are settled in the order they came once that is
 * durable. At once when idle, else some milliseconds apart, so that a busy store gets few and large groups.
 */
export interface Batcher {
  /** Rows of the message at hand are written here, between `refuses` and `add`. */
  readonly columns: Columns
  /** Why nothing more may wait now; looked at before a message is decoded. */
  refuses(ingest: DeviceIngest, qos0: boolean): Refused | undefined
  /** The rows written last are a message. */
  add(ingest: DeviceIngest, settle: Settle): void
  /** Resolves when everything added until now is settled. */
  drain(): Promise<void>
  stats(): BatcherStats
}

export interface BatcherOptions {
  telemetry: Pick<TelemetryStore, 'append'>
  clock: Clock
  /** A settle callback threw; the others are settled all the same. */
  onFault: (error: unknown) => void
  /** Is told of groups once they are settled. */
  tap?: CommitTap | undefined
}

export function createBatcher({ telemetry, clock, onFault, tap }: BatcherOptions): Batcher {
  const inFlight: Group[] = []
  const drained: (() => void)[] = []
  const counts = { messages: 0, points: 0, groups: 0, refused: 0, shedQos0: 0 }
  let group = emptyGroup(undefined)
  let pointsHanded = 0
  let textHanded = 0
  let messagesHanded = 0
  let lastFlushMs = Number.NEGATIVE_INFINITY
  let due: 'no' | 'microtask' | 'timer' = 'no'
  let cancelTimer = () => {}

  function flush(): void {
    if (due === 'timer') cancelTimer()
    due = 'no'
    if (group.settles.length === 0) return
    const handed = group
    const { length, textLength } = handed.columns
    group = emptyGroup(length)
    lastFlushMs = clock.monotonicMs()
    inFlight.push(handed)
    pointsHanded += length
    textHanded += textLength
    messagesHanded += handed.settles.length
    counts.groups++
    counts.points += length
    void commit(handed, length, textLength)
  }

  async function commit(handed: Group, points: number, textLength: number): Promise<void> {
    try {
      if (tap?.open) handed.copy = handed.columns.copy()
      handed.last = await telemetry.append(handed.columns.toBatch())
    } catch (cause) {
      handed.outcome = refuse('STORE_UNAVAILABLE', undefined, { cause })
      handed.copy = undefined
      counts.refused += handed.settles.length
    }
    handed.done = true
    pointsHanded -= points
    textHanded -= textLength
    messagesHanded -= handed.settles.length
    // A later group may be done first; acknowledgements keep the order of arrival.
    for (let head = inFlight[0]; head?.done; head = inFlight[0]) {
      inFlight.shift()
      settleGroup(head)
    }
    schedule()
    if (inFlight.length === 0 && group.settles.length === 0) for (const resolve of drained.splice(0)) resolve()
  }

  function settleGroup({ settles, owners, outcome, copy, last }: Group): void {
    // no iterator: it would make an array for each message
    for (let i = 0; i < settles.length; i++) {
      const owner = owners[i]
      if (owner) owner.waiting--
      try {
        settles[i]?.(outcome)
      } catch (error) {
        onFault(error)
      }
    }
    if (copy) tap?.committed({ first: last - copy.length + 1, last, batch: copy, owners })
  }

  function schedule(): void {
    if (group.settles.length === 0) return
    if (group.columns.length >= ingestLimits.pointsPerGroup) {
      flush()
      return
    }
    if (due === 'microtask') return
    const sinceMs = clock.monotonicMs() - lastFlushMs
    const waitMs = (inFlight.length === 0 ? ingestLimits.groupWindowMs : ingestLimits.groupCeilingMs) - sinceMs
    if (waitMs <= 0) {
      if (due === 'timer') cancelTimer()
      due = 'microtask'
      queueMicrotask(flush)
      return
    }
    if (due === 'timer') {
      // Armed for the ceiling while a commit was under way; now that it is done the window alone counts.
      if (inFlight.length > 0) return
      cancelTimer()
    }
    due = 'timer'
    cancelTimer = clock.after(waitMs, flush)
  }

  return {
    get columns() {
      return group.columns
    },
    refuses(ingest, qos0) {
      const full =
        pointsHanded + group.columns.length >= ingestLimits.pointsWaiting ||
        textHanded + group.columns.textLength >= ingestLimits.textWaiting ||
        ingest.waiting >= ingestLimits.messagesWaitingPerDevice
      if (!full) return undefined
      if (qos0) counts.shedQos0++
      else counts.refused++
      return refuse('INGEST_FULL')
    },
    add(ingest, settle) {
      ingest.waiting++
      counts.messages++
      group.settles.push(settle)
      group.owners.push(ingest)
      // A timer or microtask that is due covers this message too, unless the group is full now.
      if (due === 'no' || group.columns.length >= ingestLimits.pointsPerGroup) schedule()
    },
    drain() {
      flush()
      if (inFlight.length === 0) return Promise.resolve()
      return new Promise((resolve) => drained.push(resolve))
    },
    stats: () => ({
      ...counts,
      pointsWaiting: pointsHanded + group.columns.length,
      messagesWaiting: messagesHanded + group.settles.length,
    }),
  }
}

/** Made for as many points as the group before had, since the same devices go on sending. */
function emptyGroup(pointsBefore: number | undefined): Group {
  const columns = pointsBefore === undefined ? new Columns() : new Columns(Math.max(64, Math.ceil(pointsBefore * 1.25)))
  return { columns, settles: [], owners: [], outcome: undefined, copy: undefined, last: 0, done: false }
}
