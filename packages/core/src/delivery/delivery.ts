import type { DeliveryStatus } from '@patchbay/contracts/delivery'
import type { Clock } from '../clock.ts'
import { createAlarm } from './alarm.ts'
import { type RefusedItem, runPass } from './batch-pass.ts'
import type { CommitTimes } from './commit-times.ts'
import type { DeadLetters, LetterChoice } from './dead-letters.ts'
import { isBeyond } from './distance.ts'
import type { Place } from './kept-place.ts'
import { deliveryLimits } from './limits.ts'
import type { Deliverable, Source, Write } from './port.ts'
import { createRate } from './rate.ts'
import { createReader, type NextBatch } from './reader.ts'
import { type Redriven, redriveLetters } from './redrive.ts'
import { createTargetTry } from './target-try.ts'

export interface DeliveryOptions<T extends Deliverable> {
  source: Source<T>
  write: Write<T>
  letters: DeadLetters<T>
  times: Pick<CommitTimes, 'since'>
  clock: Clock
  /** 0 to 1. */
  random: () => number
  place: Place
  /** Durable when resolved. */
  keep: (place: Place) => Promise<void>
  batch: number
  waitMs: number
  ordered: boolean
  /** The target does not take what it is given; undefined: it does again. */
  trouble: (why: string | undefined) => void
  onFault: (error: unknown) => void
}

/** Brings one stream to one target, for as long as it lives. */
export interface Delivery {
  status(): DeliveryStatus
  /** Goes back: everything from there on is sent again. Resolves when that is durable. */
  replay(to: Pick<Place, 'cursor' | 'floor' | 'micros'>): Promise<void>
  /** Sends dead letters again. */
  redrive(choice: LetterChoice): Promise<Redriven>
  /** What is under way is given up; what was delivered is noted. */
  close(): Promise<void>
}

const fullText = `There are ${deliveryLimits.letters} dead letters: send them again or drop them, then it goes on.`

export function createDelivery<T extends Deliverable>(options: DeliveryOptions<T>): Delivery {
  const { source, letters, times, clock, batch, waitMs, onFault } = options
  const alarm = createAlarm(clock)
  const abort = new AbortController()
  const rate = createRate()
  const laneOf = options.ordered ? source.laneOf : undefined
  const place: Place = { ...options.place }
  const reader = createReader({ source, batch, cursor: place.cursor, counts: place })
  const tryOnce = createTargetTry({ write: options.write, clock, stop: abort.signal })
  /** What was stored while nobody looked is at least so old. */
  const before = { end: source.end(), at: place.waitsSince === 0 ? clock.nowMicros() : place.waitsSince }
  let current: NextBatch<T> | undefined
  /** Of the batch under way, what the target has not taken, and what it has refused and is not parked. */
  let left: readonly T[] = []
  let unparked: readonly RefusedItem<T>[] = []
  let tries = 0
  let afterMs = 0
  let nextTryAt: number | undefined
  let lastError: DeliveryStatus['lastError']
  let dirty = false
  let keptMs = Number.NEGATIVE_INFINITY
  let heldMs = Number.NEGATIVE_INFINITY
  /** The target is asked by one at a time: the stream or a redrive. */
  let turn: Promise<unknown> = Promise.resolve()

  const toIso = (micros: number): string => new Date(micros / 1000).toISOString()
  const nowIso = (): string => toIso(clock.nowMicros())
  let told: string | undefined
  const trouble = (why: string | undefined): void => {
    if (why === told) return
    told = why
    options.trouble(why)
  }
  const exclusively = <R>(ask: () => Promise<R>): Promise<R> => {
    const mine = turn.then(ask)
    // Whoever is next only waits for the end; a failure is its caller's.
    turn = mine.catch(() => undefined)
    return mine
  }
  const note = (text: string): void => {
    lastError = { at: nowIso(), text: text.slice(0, deliveryLimits.replyChars) }
  }
  const waitsSince = (): number | undefined => {
    if (!isBeyond(source.end(), place.cursor)) return undefined
    return isBeyond(before.end, place.cursor) ? before.at : times.since(place.cursor)
  }

  async function keep(): Promise<void> {
    place.waitsSince = waitsSince() ?? 0
    await options.keep({ ...place })
    dirty = false
    keptMs = clock.monotonicMs()
    if (keptMs - heldMs < (source.holdMs ?? deliveryLimits.holdMs)) return
    heldMs = keptMs
    await source.hold(place.cursor)
  }

  /** Makes letters of what was refused, as many as there is room for. */
  async function park(): Promise<void> {
    const fitting = unparked.slice(0, letters.room)
    if (fitting.length > 0) {
      await letters.park(fitting, nowIso())
      place.refused += fitting.length
      unparked = unparked.slice(fitting.length)
    }
    if (unparked.length > 0) trouble(fullText)
  }

  async function step(): Promise<void> {
    if (left.length === 0 && unparked.length === 0) {
      current = await reader.next(place)
      left = current.items
    }
    if (left.length > 0 && unparked.length === 0) await send()
    await park()
    dirty = true
    if (left.length > 0 || unparked.length > 0) return
    if (current) place.cursor = current.behind
    current = undefined
    if (clock.monotonicMs() - keptMs >= deliveryLimits.keepMs) await keep()
  }

  async function send(): Promise<void> {
    const pass = await runPass(left, (items) => tryOnce(items, tries + 1), { laneOf })
    left = pass.left
    unparked = pass.refused
    place.sent += pass.delivered
    rate.add(pass.delivered, clock.monotonicMs())
    const last = pass.refused.at(-1)
    if (last) note(last.reply)
    if (left.length > 0 && !abort.signal.aborted) {
      tries = pass.delivered > 0 ? 1 : tries + 1
      afterMs = Math.min(pass.afterMs ?? 0, deliveryLimits.afterMs)
      note(pass.reply ?? '')
      trouble(pass.reply ?? '')
    } else if (left.length === 0) {
      tries = 0
      trouble(undefined)
    }
  }

  /** Until something may go; false: the end has come. */
  async function work(): Promise<boolean> {
    let sinceMs: number | undefined
    while (!abort.signal.aborted) {
      if (left.length > 0 || unparked.length > 0 || reader.full) return true
      if (reader.waits) {
        sinceMs ??= clock.monotonicMs()
        if (clock.monotonicMs() - sinceMs >= waitMs) return true
      } else if (dirty) return true
      // One that tells of more by itself needs no looking; one that waits for a batch to fill does.
      await alarm.wait(source.hear && !reader.waits ? deliveryLimits.tickMs : Math.min(deliveryLimits.tickMs, waitMs))
    }
    return false
  }

  const backOffMs = (): number => {
    if (unparked.length > 0) return deliveryLimits.fullMs
    const { backOffMs: waits } = deliveryLimits
    const ms = waits[Math.min(tries, waits.length) - 1] ?? 0
    return Math.max(ms * (0.9 + 0.2 * options.random()), afterMs)
  }

  async function run(): Promise<void> {
    while (await work()) {
      try {
        const idle = left.length === 0 && unparked.length === 0 && !reader.waits
        await exclusively(idle ? keep : step)
      } catch (error) {
        onFault(error)
        note(error instanceof Error ? error.message : String(error))
        await alarm.wait(deliveryLimits.faultMs)
        continue
      }
      if (left.length === 0 && unparked.length === 0) continue
      const ms = backOffMs()
      nextTryAt = clock.nowMicros() + ms * 1000
      await alarm.wait(ms)
      nextTryAt = undefined
    }
  }
  source.hear?.(() => alarm.ring())
  const running = run()

  return {
    status() {
      const since = waitsSince()
      const records = reader.waiting(place.cursor)
      const state = (): DeliveryStatus['state'] => {
        if (abort.signal.aborted) return 'stopped'
        if (unparked.length > 0) return 'blocked'
        if (tries > 0) return 'retrying'
        return records > batch ? 'behind' : 'current'
      }
      return {
        state: state(),
        lag: { records, seconds: since === undefined ? 0 : Math.max(0, clock.nowMicros() - since) / 1e6 },
        rate: rate.of(clock.monotonicMs()),
        sent: place.sent,
        refused: place.refused,
        deadLetters: letters.count,
        gone: place.gone,
        tries,
        ...(nextTryAt === undefined ? {} : { nextTryAt: toIso(nextTryAt) }),
        ...(lastError ? { lastError } : {}),
      }
    },
    async replay(to) {
      await exclusively(async () => {
        Object.assign(place, to)
        reader.jump(to.cursor)
        current = undefined
        left = []
        unparked = []
        heldMs = Number.NEGATIVE_INFINITY
        await keep()
      })
      alarm.ring()
    },
    redrive: (choice) =>
      exclusively(async () => {
        const redriven = await redriveLetters({ letters, batch, tryOnce, choice, nowIso })
        place.sent += redriven.delivered
        dirty = true
        return redriven
      }),
    async close() {
      abort.abort()
      alarm.ring()
      await running
      await exclusively(async () => {
        if (dirty) await keep()
      }).catch(onFault)
    },
  }
}
