import { isRefused, type RefusedError, type Session } from '@patchbay/sdk'
import type { Enrolment } from './enrolment.ts'
import { type DeviceReadings, type LineRef, type Reading, toMessage, toReading } from './readings.ts'

/** Below the platform's limits of one message: 256 KiB, 2,000 readings, 2,000 keys. */
const maxMessageBytes = 200 * 1024
const maxMessageReadings = 1_000
const maxMessageKeys = 1_900
/** Messages of one request that may wait to be stored. */
const maxWaiting = 32
/** So many lines are looked for one by one; the rest of what was refused is answered as a whole. */
const maxSearched = 1_000

export interface Outcome {
  stored(lines: number): void
  refused(line: LineRef, why: RefusedError): void
}

/** What is refused now and may be taken later: the whole request is to be sent again. */
export const isPassing = (why: RefusedError): boolean =>
  why.reason === 'unavailable' || (why.reason === 'quota' && why.code !== 'KEYS_EXCEEDED')

/** The rights of the sender are what is wrong, not what he sent: it will not help to look for the line. */
const isOfSender = (why: RefusedError): boolean =>
  why.reason === 'forbidden' || why.reason === 'banned' || why.reason === 'credentials'

/** Cuts readings into messages that the platform takes. */
function* toParts(list: readonly Reading[]): Generator<readonly Reading[]> {
  let part: Reading[] = []
  let bytes = 0
  let keys = 0
  for (const reading of list) {
    const isFull =
      part.length >= maxMessageReadings ||
      bytes + reading.bytes > maxMessageBytes ||
      keys + reading.keys > maxMessageKeys
    if (isFull && part.length > 0) {
      yield part
      part = []
      bytes = 0
      keys = 0
    }
    part.push(reading)
    bytes += reading.bytes
    keys += reading.keys
  }
  if (part.length > 0) yield part
}

/** Why a device was not made; anything but a refusal is not the sender's to hear. */
function refusalOf(error: unknown): RefusedError {
  if (isRefused(error) && error.reason !== 'unavailable') return error
  throw error
}

/** Half of the readings each, or of the lines of a single one; undefined for a single line. */
function toHalves(part: readonly Reading[]): [readonly Reading[], readonly Reading[]] | undefined {
  const middle = part.length >> 1
  if (middle > 0) return [part.slice(0, middle), part.slice(middle)]
  const [only] = part
  const half = (only?.lines.length ?? 0) >> 1
  if (!only || half === 0) return undefined
  return [[toReading(only.at, only.lines.slice(0, half))], [toReading(only.at, only.lines.slice(half))]]
}

/** Publishes readings as messages of their devices; resolves when all that can be stored is durable. */
export interface Publisher {
  publish(devices: Iterable<DeviceReadings>): Promise<void>
}

/** Each line that is refused is told with its reason; `publish` rejects with Refused for what is to be sent again later. */
export function createPublisher(session: Session, outcome: Outcome, enrolment: Enrolment | undefined): Publisher {
  let searched = 0

  const refuseAll = (part: readonly Reading[], why: RefusedError): void => {
    for (const { lines } of part) for (const { line } of lines) outcome.refused(line, why)
  }

  /** A message is atomic, so the one bad reading is looked for by halves. */
  async function send(device: string, part: readonly Reading[], mayEnrol = true): Promise<void> {
    try {
      await session.publish(`devices/${device}/telemetry`, toMessage(part), {
        qos: 1,
        contentType: 'application/cbor',
      })
    } catch (error) {
      if (!isRefused(error) || isPassing(error)) throw error
      if (error.code === 'DEVICE_UNKNOWN' && mayEnrol && enrolment) {
        const why = await enrolment.enrol(device).then(() => undefined, refusalOf)
        return why ? refuseAll(part, why) : send(device, part, false)
      }
      const halves = isOfSender(error) || searched >= maxSearched ? undefined : toHalves(part)
      if (!halves) {
        searched += part.length
        return refuseAll(part, error)
      }
      await send(device, halves[0])
      return send(device, halves[1])
    }
    outcome.stored(part.reduce((sum, { lines }) => sum + lines.length, 0))
  }

  return {
    async publish(devices) {
      const parts = [...devices].flatMap(({ device, list }) => [...toParts(list)].map((part) => ({ device, part })))
      const failures: unknown[] = []
      const work = async (): Promise<void> => {
        for (let each = parts.shift(); each && failures.length === 0; each = parts.shift()) {
          await send(each.device, each.part).catch((error: unknown) => failures.push(error))
        }
      }
      // Parts of one device may be on their way together: each point has its own time.
      await Promise.all(Array.from({ length: Math.min(maxWaiting, parts.length) }, work))
      if (failures.length > 0) throw failures[0]
    },
  }
}
