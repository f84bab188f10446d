import type { DeliveryAnswer } from '@patchbay/contracts/notification'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Job, JobOutcome } from '../jobs/port.ts'
import type { AlertDocument, Delivery } from './alert-document.ts'
import type { Alerts } from './alerts.ts'
import { toBackOffMs } from './back-off.ts'
import { createBusyChannels } from './busy-channels.ts'
import type { DeliveryJob } from './feed.ts'
import { dispatchLimits } from './limits.ts'
import { findDelivery, settle, toNotification, toWaitMs, waitsForEarlier } from './outbox.ts'
import type { ChannelDelivery } from './port.ts'
import { type RaiseSystem, systemRulePrefix } from './system-alerts.ts'

export interface DeliveryCounts {
  delivered: number
  retried: number
  refused: number
  expired: number
}

export interface DeliveryRunDeps {
  alerts: Pick<Alerts, 'store' | 'moment'>
  channels: ChannelDelivery
  clock: Clock
  random: () => number
  linkOf: (alert: string) => string | undefined
  raiseSystem: RaiseSystem
  /** Aborted when the platform stops. */
  stopping: AbortSignal
  counts: DeliveryCounts
  /** Deliveries under way, by key. */
  inFlight: Set<string>
  /** It was run, whatever came of it. */
  onRun: (key: string, channel: string) => void
  /** Nothing is tried any more for this key; `whole`: for its notification. */
  onEnd: (key: string, job: DeliveryJob, whole: boolean) => void
  failed: (error: unknown) => void
}

const DeliveryJobData = Type.Object({ alert: Type.String(), n: Type.Integer(), channel: Type.String() })

/** One job of the alerts' queue: a try of a notification over a channel, written into the alert's timeline. */
export function createDeliveryRun(deps: DeliveryRunDeps): (job: Job) => Promise<JobOutcome> {
  const { channels, clock, counts, inFlight, stopping } = deps
  const { store, moment } = deps.alerts
  const busy = createBusyChannels()

  async function deliver(key: string, { alert: id, n, channel }: DeliveryJob): Promise<JobOutcome> {
    const alert = await store.read(id)
    const found = alert && findDelivery(alert.document, n, channel)
    if (!alert || !found || found.delivery.state === 'delivered') return { kind: 'done' }
    const { entry, delivery } = found
    if (delivery.state !== 'pending') return { kind: 'failed', why: `${delivery.state}; see the alert’s timeline` }
    if (waitsForEarlier(alert.document, n, channel)) return { kind: 'done' }
    const earlyMs = toWaitMs(delivery, moment())
    if (earlyMs > dispatchLimits.busyMs) return { kind: 'retry', afterMs: earlyMs, why: 'not due yet' }
    const notification = toNotification(alert, entry, channel, deps.linkOf)
    const attempt = delivery.attempts + 1
    const answer = await channels.deliver(channel, notification, { attempt, signal: stopping })
    // The platform stops: that says nothing of the channel.
    if (stopping.aborted && answer.outcome === 'retry') return { kind: 'retry', afterMs: 0, why: 'stopped' }
    return write(key, { alert: id, n, channel }, alert.document.pair, answer, attempt)
  }

  /** A store that is away for a moment must not make a delivered notification one to be delivered again. */
  async function write(
    key: string,
    job: DeliveryJob,
    pair: string,
    answer: DeliveryAnswer,
    attempt: number,
  ): Promise<JobOutcome> {
    for (let tries = 1; ; tries++) {
      try {
        return await writeOnce(key, job, pair, answer, toBackOffMs(attempt, deps.random))
      } catch (error) {
        if (error instanceof DomainError || tries >= dispatchLimits.settleTries) throw error
        await new Promise<void>((resolve) => clock.after(dispatchLimits.settleRetryMs * tries, resolve))
      }
    }
  }

  async function writeOnce(
    key: string,
    job: DeliveryJob,
    pair: string,
    answer: DeliveryAnswer,
    backOffMs: number,
  ): Promise<JobOutcome> {
    const { n, channel } = job
    const results: JobOutcome[] = []
    const settleOne = (fresh: AlertDocument): boolean => {
      const settled = settle(job.alert, fresh, { n, channel, answer, backOffMs }, moment())
      if (settled) results.push(toOutcome(settled, answer.reply))
      return settled !== undefined
    }
    const { document } = await store.change(job.alert, settleOne, pair)
    // The last of them was the one that was written.
    const outcome = results.at(-1) ?? ({ kind: 'done' } as const)
    if (outcome.kind === 'retry') {
      counts.retried++
      return outcome
    }
    const rest = document.outbox.find((entry) => entry.n === n)?.deliveries ?? []
    deps.onEnd(
      key,
      job,
      rest.every(({ state }) => state !== 'pending'),
    )
    if (outcome.kind === 'done') counts.delivered++
    else await tellFailure(answer, document.rule, document.device, channel)
    return outcome
  }

  function toOutcome(delivery: Delivery, why: string): JobOutcome {
    if (delivery.state === 'delivered') return { kind: 'done' }
    if (delivery.nextAt === undefined) return { kind: 'failed', why }
    return { kind: 'retry', afterMs: toWaitMs(delivery, moment()), why }
  }

  async function tellFailure(answer: DeliveryAnswer, rule: string, device: string, channel: string): Promise<void> {
    if (answer.outcome === 'refused') counts.refused++
    else counts.expired++
    // A system alert that cannot be told raises no further one: that would never end.
    if (rule.startsWith(systemRulePrefix)) return
    await deps.raiseSystem('delivery-failed', device, `channel ${channel}: ${answer.reply}`).catch(deps.failed)
  }

  return async ({ key, data }) => {
    if (!Value.Check(DeliveryJobData, data)) return { kind: 'failed', why: 'not a job of this queue' }
    // The queue may give a job twice when it lost sight of the first run.
    if (inFlight.has(key)) return { kind: 'retry', afterMs: dispatchLimits.busyMs, why: 'being delivered already' }
    const turn = busy.enter(data.channel)
    if (typeof turn === 'number') return { kind: 'retry', afterMs: turn, why: `the channel ${data.channel} is busy` }
    inFlight.add(key)
    try {
      await turn
      if (stopping.aborted) return { kind: 'retry', afterMs: 0, why: 'stopped' }
      return await deliver(key, data)
    } finally {
      inFlight.delete(key)
      busy.leave(data.channel)
      deps.onRun(key, data.channel)
    }
  }
}
