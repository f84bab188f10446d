import type { Config } from './config.ts'
import { azureEvents, azurePreset } from './azure.ts'
import { awsPreset } from './aws.ts'
import type { MapRow } from './topic-map.ts'
import type { Version } from './wire.ts'

/** Turns a payload into what the other side wants. Throws for what has no such form. */
export type Convert = (payload: Buffer) => Buffer

/** A row that a preset brings, with what it does to payloads. */
export interface PresetRow extends MapRow {
  readonly convert?: Convert
}

/** What a kind of broker is known for, so that nobody has to look it up. */
export interface Preset {
  /** Undefined: MQTT 5, and 3.1.1 where it is not spoken. */
  readonly version: Version | undefined
  readonly asBridge: boolean
  readonly maxQos: 0 | 1 | 2
  /** What it ends the connection for is not sent. */
  readonly maxPayloadBytes: number
  readonly maxTopicBytes: number
  readonly maxTopicSlashes: number
  readonly filtersAtOnce: number
  readonly publishesPerSecond: number
  readonly sessionSeconds: number
  readonly alpn: string | undefined
  /** Rows where the configuration has none. */
  readonly out: readonly PresetRow[]
  readonly in: readonly PresetRow[]
  /** Besides those of the configuration. */
  readonly shadow: { readonly out: readonly PresetRow[]; readonly in: readonly PresetRow[] }
  /** Published at each connection. */
  readonly greetings: readonly { readonly topic: string; readonly payload: string }[]
  /** In place of user and password. */
  readonly login?: () => { username: string; password?: string; renewAfterMs?: number }
}

const none: readonly never[] = []
const megabyte256 = 256 * 1024 * 1024
const week = 7 * 24 * 3600

/** What MQTT itself permits. */
export const plainPreset: Preset = {
  version: undefined,
  asBridge: false,
  maxQos: 2,
  maxPayloadBytes: megabyte256,
  maxTopicBytes: 65_535,
  maxTopicSlashes: 65_535,
  filtersAtOnce: 100,
  publishesPerSecond: Number.POSITIVE_INFINITY,
  sessionSeconds: week,
  alpn: undefined,
  out: none,
  in: none,
  shadow: { out: none, in: none },
  greetings: none,
}

/** All readings go out below the client id, and what comes in there is heard here below `in/`. */
export const usualRows = (clientId: string): Pick<Preset, 'out' | 'in'> => ({
  out: [
    { from: 'devices/+/telemetry', to: `${clientId}/devices/+/telemetry` },
    { from: 'devices/+/telemetry/+', to: `${clientId}/devices/+/telemetry/+` },
    { from: 'sensors/+/+', to: `${clientId}/sensors/+/+` },
  ],
  in: [{ from: `${clientId}/in/#`, to: 'in/#' }],
})

/** The preset of a configuration. Throws BadConfig for what it lacks. */
export function toPreset(config: Config, nowMs: () => number = Date.now): Preset {
  const usual = { ...plainPreset, ...usualRows(config.clientId) }
  switch (config.preset) {
    case 'mosquitto':
      // By the highest bit of the version it knows a bridge in MQTT 3.1.1, too, and sends it nothing of its own back.
      return { ...usual, asBridge: true }
    case 'rabbitmq':
      return { ...usual, maxQos: 1 }
    case 'emqx':
    case 'hivemq':
      return usual
    case 'aws':
      return awsPreset(config, usual)
    case 'azure':
      return { ...azurePreset(config, plainPreset, nowMs), out: [azureEvents(config.clientId)] }
    default:
      return plainPreset
  }
}
