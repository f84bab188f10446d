import type { DeliveryStatus } from '@patchbay/contracts/delivery'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore } from '../registry/port.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import type { CommitCursor, TelemetryStore } from '../telemetry/port.ts'
import { createAlarm } from './alarm.ts'
import { createCommitTimes } from './commit-times.ts'
import { type DeadLetters, forgetLetters, type LetterChoice } from './dead-letters.ts'
import { createDelivery, type Delivery } from './delivery.ts'
import { distance, isElsewhere } from './distance.ts'
import { createLetterBook } from './letter-book.ts'
import { forgetPlace, keepPlace, type Place, readPlace } from './kept-place.ts'
import { deliveryLimits } from './limits.ts'
import type { MessageLog } from './message-log.ts'
import { createMessageSource, letterOfMessage } from './message-source.ts'
import type { Deliverable, Source } from './port.ts'
import { createRecordSource, letterOfRecord } from './record-source.ts'
import type { Redriven } from './redrive.ts'
import type { AnyTarget, MessageTarget, Target } from './target.ts'
import { compileSelection, type SelectedDevice, SelectionTooSlow } from './selection.ts'
import { type Pace, toFrom, toPace, toStart } from './settings.ts'

/** Dead letters of whatever kind. */
export type AnyLetters = Omit<DeadLetters<never>, 'park' | 'take'>

export interface Deliveries {
  /** Delivers to it from where it stopped, until the answer is called. `now`: where a new one begins, the end of the log unless it is told. */
  open(target: Target, now?: CommitCursor): () => Promise<void>
  /** The same for the queue of a bridge. */
  openMessages(target: MessageTarget): () => Promise<void>
  /** Undefined for an instance that never delivered. */
  status(instance: string): Promise<DeliveryStatus | undefined>
  /** Of those that run. */
  running(): ReadonlyMap<string, DeliveryStatus>
  letters(instance: string): Promise<AnyLetters>
  /** Rejects with STATE_CONFLICT for one that does not run. */
  redrive(instance: string, choice: LetterChoice): Promise<Redriven>
  /** Rejects with FIELD_INVALID for a time that is none, NOT_FOUND for an instance that never delivered. */
  replay(instance: string, from: string): Promise<void>
  /** It is disabled: nothing is kept for it, where it stands is. */
  rest(instance: string): Promise<void>
  /** It is gone, with all it has. */
  forget(instance: string): Promise<void>
  close(): void
}

export interface DeliveriesOptions {
  registry: RegistryStore
  telemetry: Pick<TelemetryStore, 'end' | 'readCommitted' | 'holdCommitted'>
  clock: Clock
  /** 0 to 1. */
  random: () => number
  typeOf: (device: string) => string | undefined
  /** Type and tags; it resolves when those of all devices are known. */
  devices: () => Promise<(device: string) => SelectedDevice | undefined>
  /** Nobody else can deliver for it: what is kept of it is not written over. */
  isSure?: (instance: string) => boolean
  onFault: (error: unknown) => void
}

const followerOf = (instance: string): string => `sink/${instance}`

const stopped: Omit<DeliveryStatus, 'lag' | 'sent' | 'refused' | 'gone' | 'deadLetters'> = {
  state: 'stopped',
  rate: 0,
  tries: 0,
}

/** All sinks and what they have got. */
export function createDeliveries(options: DeliveriesOptions): Deliveries {
  const { registry, telemetry, clock, onFault } = options
  const times = createCommitTimes()
  const live = new Map<string, Delivery>()
  const known = {
    records: createLetterBook(registry, letterOfRecord),
    messages: createLetterBook(registry, letterOfMessage),
  }
  const logs = new Map<string, MessageLog>()
  let cancelSample = (): void => undefined

  const sample = (): void => {
    times.note(telemetry.end(), clock.nowMicros())
    cancelSample = clock.after(deliveryLimits.waitMs, sample)
  }
  sample()

  const lettersOf = (instance: string): Promise<AnyLetters> =>
    logs.has(instance) ? known.messages.of(instance) : known.records.of(instance)
  const endOf = (instance: string): CommitCursor => {
    const log = logs.get(instance)
    return log ? { [log.id]: log.end } : telemetry.end()
  }

  async function begin<T extends Deliverable>(
    { instance, delivery, write, trouble }: AnyTarget<T>,
    more: { source: Source<T>; letters: DeadLetters<T>; now: CommitCursor; ordered: boolean; pace: Pace },
  ): Promise<Delivery> {
    const { source, letters, now, ordered, pace } = more
    const found = await readPlace(registry, instance)
    // A bridge that sent messages and now sends readings has no place in them.
    const kept = found && isElsewhere(source.end(), found.cursor) ? undefined : found
    const nothing = { sent: 0, refused: 0, gone: 0, points: 0, records: 0, waitsSince: 0 }
    const from = toFrom(delivery.from ?? 'now', '/delivery/from')
    const place: Place = kept ?? { ...nothing, ...toStart(from, now) }
    // A place that is not kept would be `now` again after a crash.
    if (!kept) await keepPlace(registry, instance, place)
    await source.hold(place.cursor)
    const begun = createDelivery({
      source,
      write,
      letters,
      times,
      clock,
      random: options.random,
      place,
      async keep(next) {
        if (options.isSure?.(instance) === false) throw new StoreUnavailable(`another node may deliver for ${instance}`)
        await keepPlace(registry, instance, next)
      },
      ...pace,
      ordered,
      trouble,
      onFault,
    })
    live.set(instance, begun)
    return begun
  }

  async function beginRecords(target: Target, now: CommitCursor): Promise<Delivery> {
    const { instance, select, delivery, most, ordered } = target
    const selection = await compileSelection(select)
    const deviceOf = selection.needsDevice || target.tags ? await options.devices() : () => undefined
    const source = createRecordSource({
      telemetry,
      follower: followerOf(instance),
      selection,
      typeOf: options.typeOf,
      deviceOf,
      tags: target.tags,
      tooSlow: ({ device }, cause) => onFault(new SelectionTooSlow(instance, device, { cause })),
    })
    const letters = await known.records.of(instance)
    return begin(target, { source, letters, now, ordered, pace: toPace(delivery, most) })
  }

  async function beginMessages(target: MessageTarget): Promise<Delivery> {
    const { instance, delivery, most, log, markOf } = target
    const source = createMessageSource(log, markOf)
    const pace = toPace({ batch: deliveryLimits.messageBatch, wait: '0ms', ...delivery }, most)
    const letters = await known.messages.of(instance)
    // What waits was taken for this bridge, from whenever it is.
    return begin(target, { source, letters, now: {}, ordered: true, pace })
  }

  function openAgain(
    target: Pick<Target, 'instance' | 'trouble'>,
    first: () => Promise<Delivery>,
  ): () => Promise<void> {
    const end = new AbortController()
    const alarm = createAlarm(clock)
    const begun = (async () => {
      while (!end.signal.aborted) {
        try {
          return await first()
        } catch (error) {
          onFault(error)
          target.trouble(error instanceof Error ? error.message : String(error))
          await alarm.wait(deliveryLimits.faultMs)
        }
      }
      return undefined
    })()
    return async () => {
      end.abort()
      alarm.ring()
      const delivery = await begun
      await delivery?.close()
      if (live.get(target.instance) === delivery) live.delete(target.instance)
    }
  }

  return {
    open(target, now = { ...telemetry.end() }) {
      logs.delete(target.instance)
      return openAgain(target, () => beginRecords(target, now))
    },
    openMessages(target) {
      logs.set(target.instance, target.log)
      return openAgain(target, () => beginMessages(target))
    },
    async status(instance) {
      const running = live.get(instance)
      if (running) return running.status()
      const place = await readPlace(registry, instance)
      if (!place) return undefined
      const end = endOf(instance)
      const points = isElsewhere(end, place.cursor) ? 0 : distance(end, place.cursor)
      const since = points === 0 ? 0 : place.waitsSince || (times.since(place.cursor) ?? 0)
      return {
        ...stopped,
        lag: {
          records: place.points === 0 ? points : Math.ceil((points * place.records) / place.points),
          seconds: since === 0 ? 0 : Math.max(0, clock.nowMicros() - since) / 1e6,
        },
        sent: place.sent,
        refused: place.refused,
        gone: place.gone,
        deadLetters: (await lettersOf(instance)).count,
      }
    },
    running: () => new Map([...live].map(([instance, delivery]) => [instance, delivery.status()])),
    letters: lettersOf,
    async redrive(instance, choice) {
      const running = live.get(instance)
      if (!running) throw new DomainError('STATE_CONFLICT', `${instance} does not run. Enable it, then send again.`)
      return running.redrive(choice)
    },
    async replay(instance, from) {
      const start = toStart(toFrom(from, '/from'), endOf(instance))
      const running = live.get(instance)
      if (running) return running.replay(start)
      const place = await readPlace(registry, instance)
      if (!place) throw new DomainError('NOT_FOUND', `${instance} has never delivered anything.`)
      await keepPlace(registry, instance, { ...place, ...start })
    },
    rest: (instance) => telemetry.holdCommitted(followerOf(instance), undefined),
    async forget(instance) {
      await telemetry.holdCommitted(followerOf(instance), undefined)
      await forgetPlace(registry, instance)
      await forgetLetters(registry, instance)
      known.records.forget(instance)
      known.messages.forget(instance)
      logs.delete(instance)
    },
    close: () => cancelSample(),
  }
}
