import type { TypeRecord } from '../devices/port.ts'
import { refuse } from '../errors.ts'
import { isRefused } from '../refused.ts'
import type { ArrivalClock } from './arrival-clock.ts'
import type { Columns } from './columns.ts'
import type { DeviceIngest } from './device-ingest.ts'
import { ingestLimits } from './limits.ts'
import { readPlainNumber } from './plain-number.ts'
import { addValue, checkTime, checkValue, checkValues, hasValue, isObject, timedOf, writeValues } from './readings.ts'
import { parseCbor } from './safe-cbor.ts'
import { parseJson, toText } from './safe-json.ts'

export interface Reading {
  at?: number
  values: Record<string, unknown>
}

/** A codec plugin, as the SDK knows it. One that runs apart from this thread answers later. */
export interface Codec {
  decode(bytes: Uint8Array, topic: string): readonly Reading[] | Promise<readonly Reading[]>
}

/** Writes what a codec has answered later; as `decode` itself. */
export type WriteRows = (columns: Columns) => number

export interface Decoder {
  /**
   * Writes the readings of one message as rows and answers how many. Throws `Refused`; rows written until then are the caller's to
   * take back. A promise comes from a codec that answers later, and rejects with `Refused`.
   */
  decode(
    source: TelemetrySource,
    bytes: Uint8Array,
    contentType: string | undefined,
    columns: Columns,
  ): number | Promise<WriteRows>
}

/** A telemetry topic, resolved once for all messages that come by it. */
export interface TelemetrySource {
  readonly ingest: DeviceIngest
  readonly topic: string
  /** The key that the topic names. */
  readonly key: string | undefined
  /** `sensors/{id}/{measurement}`: one number and nothing else. */
  readonly plain: boolean
}

/** The key of a scalar that came by a topic without one. */
const scalarKey = 'value'

export interface DecoderOptions {
  arrival: ArrivalClock
  nowMicros: () => number
  codecs: (name: TypeRecord['codec']) => Codec | undefined
}

export function createDecoder({ arrival, nowMicros, codecs }: DecoderOptions): Decoder {
  const stamp = (ingest: DeviceIngest): number => (ingest.lastArrival = arrival.next(ingest.lastArrival))

  function single(ingest: DeviceIngest, key: string, value: unknown, columns: Columns): number {
    if (value === null) return 0
    checkValue(ingest, key, value)
    addValue(ingest, columns, key, stamp(ingest), value)
    return 1
  }

  function plainNumber(bytes: Uint8Array, contentType: string | undefined): number {
    const fast = readPlainNumber(bytes)
    if (!Number.isNaN(fast)) return fast
    const parsed = isCbor(contentType) ? parseCbor(bytes) : parseJson(bytes)
    if (typeof parsed !== 'number') throw refuse('PAYLOAD_INVALID', 'This topic takes one number and nothing else.')
    return parsed
  }

  function checkItem(ingest: DeviceIngest, value: unknown, now: number): void {
    if (!isObject(value)) throw refuse('PAYLOAD_INVALID', 'A reading must be an object of keys and values.')
    const timed = timedOf(value)
    if (timed) checkTime(timed.at, now)
    checkValues(ingest, timed?.values ?? value)
  }

  function writeItem(ingest: DeviceIngest, value: unknown, columns: Columns): number {
    if (!isObject(value)) return 0
    const timed = timedOf(value)
    if (timed) return writeValues(ingest, columns, timed.at, timed.values)
    return hasValue(value) ? writeValues(ingest, columns, stamp(ingest), value) : 0
  }

  /** All is checked before anything is written: a message is atomic, and a refused one makes no series. */
  function items(ingest: DeviceIngest, value: unknown, columns: Columns): number {
    const now = nowMicros()
    if (!Array.isArray(value)) {
      checkItem(ingest, value, now)
      return writeItem(ingest, value, columns)
    }
    if (value.length > ingestLimits.itemsPerMessage) {
      throw refuse('PAYLOAD_INVALID', `The payload holds more than ${ingestLimits.itemsPerMessage} readings.`)
    }
    for (const each of value) checkItem(ingest, each, now)
    let rows = 0
    for (const each of value) rows += writeItem(ingest, each, columns)
    return rows
  }

  function byPlugin(
    name: string,
    { ingest, topic }: TelemetrySource,
    bytes: Uint8Array,
    columns: Columns,
  ): number | Promise<WriteRows> {
    const codec = codecs(name)
    if (!codec) {
      throw refuse('STORE_UNAVAILABLE', `The codec ${name} of this device's type is not running.`, { step: 'codec' })
    }
    const readings = runCodec(codec, name, bytes, topic)
    if (!(readings instanceof Promise)) return writeReadings(name, ingest, readings, columns)
    return readings.then(
      (later) => (into) => writeReadings(name, ingest, later, into),
      (cause: unknown) => {
        throw toUnreadable(name, cause)
      },
    )
  }

  function writeReadings(name: string, ingest: DeviceIngest, readings: readonly Reading[], columns: Columns): number {
    if (!Array.isArray(readings) || readings.length > ingestLimits.itemsPerMessage) {
      throw refuse('PAYLOAD_INVALID', `The codec ${name} answered no list of readings within the limits.`)
    }
    for (const reading of readings) {
      if (!isObject(reading.values))
        throw refuse('PAYLOAD_INVALID', `The codec ${name} answered a reading without values.`)
      if (reading.at !== undefined) checkTime(reading.at, nowMicros())
      checkValues(ingest, reading.values)
    }
    let rows = 0
    for (const { at, values } of readings) {
      if (hasValue(values)) rows += writeValues(ingest, columns, at ?? stamp(ingest), values)
    }
    return rows
  }

  return {
    decode(source, bytes, contentType, columns) {
      const { ingest, key } = source
      if (bytes.length > ingestLimits.packetBytes) throw refuse('PAYLOAD_TOO_LARGE')
      if (source.plain && key !== undefined) return single(ingest, key, plainNumber(bytes, contentType), columns)
      const codec = isCbor(contentType) ? 'cbor' : ingest.rules.codec
      if (codec === 'scalar') return single(ingest, key ?? scalarKey, scalarOf(bytes), columns)
      if (codec !== 'json' && codec !== 'cbor') return byPlugin(codec, source, bytes, columns)
      const value = codec === 'cbor' ? parseCbor(bytes) : parseJson(bytes)
      return key === undefined ? items(ingest, value, columns) : single(ingest, key, value, columns)
    },
  }
}

/** `application/cbor`, with parameters or without. */
export const isCbor = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^\s*application\/cbor\s*(;|$)/i.test(contentType)

/** A number, true, false or null as JSON says them; any other text is itself. */
function scalarOf(bytes: Uint8Array): unknown {
  const number = readPlainNumber(bytes)
  if (!Number.isNaN(number)) return number
  const text = toText(bytes).trim()
  if (!/^(?:-?\d[\d.eE+-]*|true|false|null|"[^]*")$/.test(text)) return text
  return parseJson(bytes)
}

function runCodec(codec: Codec, name: string, bytes: Uint8Array, topic: string): ReturnType<Codec['decode']> {
  try {
    return codec.decode(bytes, topic)
  } catch (cause) {
    throw toUnreadable(name, cause)
  }
}

const toUnreadable = (name: string, cause: unknown): Error =>
  isRefused(cause) ? cause : refuse('PAYLOAD_MALFORMED', `The codec ${name} cannot read the payload.`, { cause })
