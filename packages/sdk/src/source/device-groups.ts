import { Refused } from '../failures.ts'
import type { SourceReading } from './mapping.ts'
import type { SourceMessage } from './source-message.ts'

/** A reading and the message that it is from. */
export interface ReadingPart {
  readonly message: SourceMessage
  readonly reading: SourceReading
}

/** Readings of one device that go as one message of the platform. */
export interface DeviceGroup {
  readonly device: string
  readonly parts: readonly ReadingPart[]
}

/** Below what a message of the platform may hold: 2,000 readings, 2,000 keys, 256 KiB. */
const maxReadings = 500
const maxKeys = 1900
const maxChars = 120_000

/** Written by hand, so that no key of a message becomes a member of an object here. */
function toText({ at, values }: SourceReading): string {
  const members = values.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')
  return at === undefined ? `{${members}}` : `{"ts":${at / 1000},"values":{${members}}}`
}

const textOf = new WeakMap<SourceReading, string>()
const cachedText = (reading: SourceReading): string => {
  let text = textOf.get(reading)
  if (text === undefined) textOf.set(reading, (text = toText(reading)))
  return text
}

/** Groups readings by device, each in the order in which they came. */
export function toGroups(parts: readonly ReadingPart[]): DeviceGroup[] {
  const groups: { device: string; parts: ReadingPart[]; keys: number; chars: number }[] = []
  const open = new Map<string, (typeof groups)[number]>()
  for (const part of parts) {
    const { device, values, at } = part.reading
    const chars = cachedText(part.reading).length + 1
    let group = open.get(device)
    // A reading without a time goes alone: it is told from its repeat by the message's id.
    const isAlone = at === undefined
    if (
      !group ||
      isAlone ||
      group.parts.length >= maxReadings ||
      group.keys + values.length > maxKeys ||
      group.chars + chars > maxChars
    ) {
      group = { device, parts: [], keys: 0, chars: 0 }
      groups.push(group)
      open.set(device, group)
    }
    group.parts.push(part)
    group.keys += values.length
    group.chars += chars
    if (isAlone) open.delete(device)
  }
  return groups
}

/** The payload of a group. Throws Refused for what JSON cannot say. */
export function toPayload(parts: readonly ReadingPart[]): Uint8Array {
  const texts = parts.map(({ reading }) => cachedText(reading))
  const [only] = texts
  if (only === undefined) throw new Refused('invalid', 'PAYLOAD_INVALID', 'mapping', 'There is no reading.')
  return Buffer.from(texts.length === 1 ? only : `[${texts.join(',')}]`)
}
