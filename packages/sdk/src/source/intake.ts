import { setTimeout as wait } from 'node:timers/promises'
import type { RefusedError, Sessions } from '@patchbay/contracts/session'
import type { Feed, RefusedMessage } from '../contributions.ts'
import { isRefused, Refused } from '../failures.ts'
import { type DeviceGroup, toGroups, toPayload } from './device-groups.ts'
import type { Mapping, SourceReading } from './mapping.ts'
import { ofItem, type SourceMessage, toItem } from './source-message.ts'

/** Between tries while the store is away; the last one repeats. */
const backOffMs = [250, 500, 1000, 2000, 5000]
/** Devices that are published for at the same time. */
const maxAtOnce = 64
/** Words of one refusal. */
const maxReplyChars = 2000

/** What an intake works with. */
export interface IntakeOptions {
  /** As refusals name it. */
  protocol: string
  mapping: Mapping
  /** What is refused for good is kept as a dead letter here; false: it is the other side's to keep. True when left out. */
  keeps?: boolean
  sessions: Pick<Sessions, 'publishFor' | 'refuse'>
  feed: () => Feed
  stop: AbortSignal
  /** Nothing can be taken now, and why; undefined: it can again. */
  trouble: (why: string | undefined) => void
}

/** Takes messages in: from bytes to what is durable. */
export interface Intake {
  /**
   * Resolves when each message is durable, or is refused for good and kept as a dead letter: then the other side may forget them. While the
   * store is away it waits. Rejects when the source stops. Answers those that are refused and could not be kept.
   */
  take(messages: readonly SourceMessage[]): Promise<ReadonlySet<SourceMessage>>
  /** One dead letter again; rejects with Refused. */
  retake(item: Readonly<Record<string, unknown>>): Promise<void>
}

/** What may be taken later, as it is. */
const isPassing = (error: unknown): boolean =>
  !isRefused(error) || error.reason === 'unavailable' || error.code === 'INGEST_FULL'
/** What holds for a device and not for one of its readings: no use in looking for the bad one. */
const isOfDevice = (reason: RefusedError['reason']): boolean =>
  reason === 'credentials' || reason === 'banned' || reason === 'forbidden'

/** Makes the intake of one instance. */
export function createIntake(options: IntakeOptions): Intake {
  const { protocol, mapping, sessions, stop, trouble } = options

  const publish = async ({ device, parts }: DeviceGroup): Promise<void> => {
    const [only] = parts
    const isTimeless = parts.length === 1 && only?.reading.at === undefined && only?.message.isNamed
    await sessions.publishFor(
      { kind: 'device', id: device },
      protocol,
      `devices/${device}/telemetry`,
      toPayload(parts),
      isTimeless ? { qos: 1, idempotencyKey: `${protocol}:${only.message.id}` } : { qos: 1 },
    )
  }
  const publishOrCreate = async (group: DeviceGroup): Promise<void> => {
    try {
      await publish(group)
    } catch (error) {
      if (mapping.createType === undefined || !isRefused(error) || error.code !== 'DEVICE_UNKNOWN') throw error
      const tags = group.parts[0]?.reading.tags ?? []
      await options.feed().createDevice({ id: group.device, type: mapping.createType, tags })
      await publish(group)
    }
  }
  const giveUps = new Set<(error: Error) => void>()
  stop.addEventListener(
    'abort',
    () => {
      for (const reject of giveUps) reject(new Error('The source stops.', { cause: stop.reason }))
    },
    { once: true },
  )
  /** Whatever a store that hangs still has under way, a stop does not wait for it. */
  const orStop = async (work: () => Promise<void>): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    giveUps.add(reject)
    try {
      work().then(resolve, reject)
      await promise
    } finally {
      giveUps.delete(reject)
    }
  }
  /** Again and again until the store takes it, or says that it never will. */
  const settle = async (work: () => Promise<void>): Promise<RefusedError | undefined> => {
    for (let tries = 0; ; tries++) {
      stop.throwIfAborted()
      try {
        await orStop(work)
        if (tries > 0) trouble(undefined)
        return undefined
      } catch (error) {
        stop.throwIfAborted()
        if (isRefused(error) && !isPassing(error)) return error
        trouble(error instanceof Error ? error.message : String(error))
        await wait(backOffMs[Math.min(tries, backOffMs.length - 1)], undefined, { signal: stop })
      }
    }
  }

  async function takeGroup(group: DeviceGroup, refused: Map<SourceMessage, string>): Promise<void> {
    const why = await settle(() => publishOrCreate(group))
    if (!why) return
    const { parts } = group
    if (parts.length === 1 || isOfDevice(why.reason)) {
      for (const { message } of parts) if (!refused.has(message)) refused.set(message, why.message)
      return
    }
    // A message of the platform is atomic: the bad reading is found by halves, in order.
    const half = Math.ceil(parts.length / 2)
    await takeGroup({ ...group, parts: parts.slice(0, half) }, refused)
    await takeGroup({ ...group, parts: parts.slice(half) }, refused)
  }

  async function takeAll(groups: readonly DeviceGroup[], refused: Map<SourceMessage, string>): Promise<void> {
    const lines = new Map<string, DeviceGroup[]>()
    for (const group of groups) {
      const line = lines.get(group.device)
      if (line) line.push(group)
      else lines.set(group.device, [group])
    }
    const waiting = [...lines.values()]
    const worker = async (): Promise<void> => {
      for (let line = waiting.pop(); line; line = waiting.pop())
        // One after the other: a device keeps its order.
        for (const group of line) await takeGroup(group, refused)
    }
    await Promise.all(Array.from({ length: Math.min(maxAtOnce, waiting.length) }, worker))
  }

  const read = (message: SourceMessage): SourceReading[] | RefusedError => {
    try {
      return mapping.toReadings(message)
    } catch (error) {
      if (isRefused(error)) return error
      const text = error instanceof Error ? error.message : String(error)
      return new Refused('invalid', 'PAYLOAD_INVALID', 'mapping', text, { cause: error })
    }
  }

  const park = async (refused: ReadonlyMap<SourceMessage, string>): Promise<ReadonlySet<SourceMessage>> => {
    const messages = [...refused.keys()]
    if (messages.length === 0) return new Set()
    if (options.keeps === false) {
      options.feed().report({ refused: messages.length })
      return new Set(messages)
    }
    const letters: RefusedMessage[] = [...refused].map(([message, reply]) => ({
      id: message.id,
      reply: reply.slice(0, maxReplyChars),
      item: toItem(message),
    }))
    let kept = 0
    await settle(async () => {
      kept = await options.feed().park(letters)
    })
    return new Set(messages.slice(kept))
  }

  return {
    async take(messages) {
      const refused = new Map<SourceMessage, string>()
      const readings: { message: SourceMessage; reading: SourceReading }[] = []
      for (const message of messages) {
        const found = read(message)
        if (Array.isArray(found)) for (const reading of found) readings.push({ message, reading })
        else {
          refused.set(message, found.message)
          sessions.refuse({ protocol, address: '' }, { action: 'receive', topic: message.topic, refused: found })
        }
      }
      await takeAll(toGroups(readings), refused)
      const unkept = await park(refused)
      options.feed().report({ taken: messages.length - refused.size })
      return unkept
    },
    async retake(item) {
      const message = ofItem(item)
      for (const reading of mapping.toReadings(message))
        for (const group of toGroups([{ message, reading }])) await publishOrCreate(group)
      options.feed().report({ taken: 1 })
    },
  }
}
