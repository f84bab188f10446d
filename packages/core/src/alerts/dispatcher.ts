import { DomainError } from '../errors.ts'
import type { JobQueue, Worker } from '../jobs/port.ts'
import type { StoredAlert } from './alert-document.ts'
import type { Alerts } from './alerts.ts'
import { createDeliveryRun, type DeliveryCounts, type DeliveryRunDeps } from './delivery-run.ts'
import { createFeed, type DeliveryJob } from './feed.ts'
import { createGather, type Gathered } from './gather.ts'
import { dispatchLimits } from './limits.ts'
import { dropDelivery, reopenDelivery, toKey, toWaitMs, waitsForEarlier } from './outbox.ts'
import { groupTogether } from './storm.ts'

/**
 * Brings notifications from the alerts' documents to the channels, by way of the job queue. The documents are the truth: what the queue
 * has lost is given to it again, and what a document says is done is not tried again whatever the queue says.
 */
export interface Dispatcher {
  start(): void
  /** A person wants a failed delivery tried again; false when the document has no such failed delivery. */
  reopen(key: string, by: string): Promise<boolean>
  /** A person does not want it delivered any more. */
  drop(key: string): Promise<void>
  readonly counts: DeliveryCounts & { grouped: number }
  stats(): { known: number; inFlight: number }
  close(): Promise<void>
}

/** The parts of a key: neither an alert's id nor a number holds a dot. */
function fromKey(key: string): DeliveryJob | undefined {
  const found = /^([^.]+)\.(\d+)\.(.+)$/.exec(key)
  const [, alert, n, channel] = found ?? []
  return alert === undefined || channel === undefined ? undefined : { alert, n: Number(n), channel }
}

const toPassKey = (alert: string, n: number): string => `${alert}.${n}`

export interface DispatcherDeps extends Pick<
  DeliveryRunDeps,
  'channels' | 'clock' | 'random' | 'linkOf' | 'raiseSystem' | 'failed'
> {
  alerts: Alerts
  jobs: JobQueue
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { alerts, jobs, clock, failed } = deps
  const { store, moment } = alerts
  const counts = { delivered: 0, retried: 0, refused: 0, expired: 0, grouped: 0 }
  const inFlight = new Set<string>()
  const stopping = new AbortController()
  const monotonicMs = (): number => clock.monotonicMs()
  const feed = createFeed({ jobs, monotonicMs, failed })
  const gather = createGather(clock, (members) => void giveOut(members).catch(failed))
  /** Notifications that went through the gathering in this run, until they are done with. */
  const passed = new Map<string, 'grouping' | 'alone'>()
  const run = createDeliveryRun({
    ...deps,
    stopping: stopping.signal,
    counts,
    inFlight,
    onRun: (key, channel) => feed.ran(key, channel),
    onEnd(key, { alert, n }, whole) {
      feed.forget(key)
      if (whole) passed.delete(toPassKey(alert, n))
    },
  })
  let worker: Worker | undefined
  let cancelSweep = (): void => {}
  let cursor: string | undefined
  let closed = false

  function offer(alert: StoredAlert): void {
    // Another node brings them to people; at a start the first sweep finds what waits.
    if (closed || !worker) return
    const { id, document } = alert
    for (const entry of document.outbox) {
      const pending = entry.deliveries.filter(({ state }) => state === 'pending')
      const known = passed.get(toPassKey(id, entry.n))
      const isNew = entry.group === undefined && pending.every(({ attempts }) => attempts === 0)
      if (pending.length === 0 || known === 'grouping') continue
      if (isNew && known === undefined) {
        gather.add({
          alert: id,
          n: entry.n,
          rule: document.rule,
          kind: entry.kind,
          channels: pending.map(({ channel }) => channel),
          device: document.device,
          severity: entry.severity,
          value: entry.value,
        })
      } else give(alert, entry.n)
    }
  }

  /** Everything of a notification that is due and is not in the queue as far as known. */
  function give({ id, document }: StoredAlert, n: number): void {
    const entry = document.outbox.find((each) => each.n === n)
    for (const delivery of entry?.deliveries ?? []) {
      const { channel, state } = delivery
      const key = toKey(id, n, channel)
      if (state !== 'pending' || inFlight.has(key) || feed.isFresh(key)) continue
      if (waitsForEarlier(document, n, channel)) continue
      feed.push(key, { alert: id, n, channel }, toWaitMs(delivery, moment()))
    }
  }

  async function giveOut(members: Gathered[]): Promise<void> {
    const [one] = members
    if (!one) return
    if (members.length > 1) {
      const leader = await group(members)
      if (leader) offer(leader)
      return
    }
    passed.set(toPassKey(one.alert, one.n), 'alone')
    if (one.n === 1) {
      // Nothing was told before it, so nothing need be looked up.
      for (const channel of one.channels)
        feed.push(toKey(one.alert, 1, channel), { alert: one.alert, n: 1, channel }, 0)
      return
    }
    const alert = await store.read(one.alert)
    if (alert) give(alert, one.n)
  }

  async function group(members: readonly Gathered[]): Promise<StoredAlert | undefined> {
    const keys = members.map(({ alert, n }) => toPassKey(alert, n))
    // Whatever changes these documents meanwhile must not have them told one by one.
    for (const key of keys) passed.set(key, 'grouping')
    try {
      const leader = await groupTogether(members, store, moment)
      counts.grouped += members.length
      return leader
    } finally {
      // Those that could not be grouped are gathered again by the next sweep.
      for (const key of keys) passed.delete(key)
    }
  }

  /** The queue keeps a key as it is, so what it would run too late must go first. */
  async function takeOutOverdue({ id, document }: StoredAlert): Promise<void> {
    const late = moment().steadyMicros - dispatchLimits.overdueMs * 1000
    for (const { n, deliveries } of document.outbox) {
      for (const { channel, state, nextAt, since } of deliveries) {
        const key = toKey(id, n, channel)
        if (state !== 'pending' || (nextAt ?? since) > late || inFlight.has(key)) continue
        await jobs.remove(dispatchLimits.queue, key)
      }
    }
  }

  async function sweep(): Promise<void> {
    for (let seen = 0; seen < dispatchLimits.sweepDocuments; seen += dispatchLimits.sweepPage) {
      const page = await store.list({
        where: { pending: true },
        limit: dispatchLimits.sweepPage,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const alert of page.items) {
        await takeOutOverdue(alert)
        offer(alert)
      }
      cursor = page.nextCursor
      if (cursor === undefined || closed) return
    }
  }

  function armSweep(ms: number): void {
    cancelSweep = clock.after(ms, () => {
      const fromMs = monotonicMs()
      sweep()
        .catch((error: unknown) => {
          cursor = undefined
          failed(error)
        })
        .finally(() => {
          const restMs = (monotonicMs() - fromMs) * dispatchLimits.sweepRest
          const { sweepEveryMs, sweepMostMs } = dispatchLimits
          if (!closed) armSweep(Math.min(sweepMostMs, Math.max(sweepEveryMs, restMs)))
        })
    })
  }

  alerts.onChange(offer)

  return {
    counts,
    stats: () => ({ known: feed.size, inFlight: inFlight.size }),
    start() {
      const { concurrency, leaseMs, queue } = dispatchLimits
      worker = jobs.work(queue, { concurrency, leaseMs }, run)
      armSweep(0)
    },
    async reopen(key, by) {
      const job = fromKey(key)
      if (!job) return false
      let reopened = false
      await store.change(job.alert, (document) => {
        reopened = reopenDelivery(document, job.n, job.channel, by, moment())
        return reopened
      })
      return reopened
    },
    async drop(key) {
      const job = fromKey(key)
      if (!job) return
      await store
        .change(job.alert, (document) => {
          dropDelivery(document, job.n, job.channel)
          return true
        })
        .catch((error: unknown) => {
          // An alert that is gone has nothing left to deliver.
          if (!(error instanceof DomainError && error.code === 'NOT_FOUND')) throw error
        })
    },
    async close() {
      closed = true
      cancelSweep()
      gather.close()
      stopping.abort()
      await worker?.close()
    },
  }
}
