import type { Json } from './exact-json.ts'

/** One message of a recorded device: everything it said at one moment. */
export interface Reading {
  /** The recorded device, such as `machine-temperature`. */
  device: string
  /** Milliseconds since 1970, as recorded. */
  at: number
  values: Record<string, Json>
  /** What the device's own clock said, where it was wrong: sent as `ts` with `--with-faults` and refused. */
  wrongAt?: number
}

/** What a recorded device sends, as the platform's device type declares it. */
export interface TypeSpec {
  id: string
  title: string
  keys: { key: string; kind?: 'number' | 'boolean' | 'text' | 'json'; unit?: string }[]
}

export interface Dataset {
  /** Types by recorded device. */
  types: ReadonlyMap<string, TypeSpec>
  readings: AsyncIterable<Reading>
}
