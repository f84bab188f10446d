import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/**
 * How a message ended. `stored`: acknowledged, so durable. `sent`: QoS 0, nothing promised. `refused`: the platform said no.
 * `unknown`: the line was cut, or no answer came in time; it may be stored or not.
 */
export type Outcome =
  | { kind: 'stored' }
  | { kind: 'sent' }
  | { kind: 'refused'; why: string }
  | { kind: 'unknown'; why: string }

/** Points of one device, to be compared with what the platform says it has. */
export interface DeviceTally {
  acknowledged: number
  unsure: number
}

/** Counts of a run. */
export interface Tally {
  sent: number
  stored: number
  refused: number
  unknown: number
  /** Refusals of messages that were sent wrong on purpose. */
  refusedOnPurpose: number
  /** Messages that were sent wrong on purpose and yet acknowledged. */
  wronglyStored: number
  readonly reasons: Map<string, number>
  readonly devices: DeviceTally[]
  /** Nanoseconds from publish to acknowledgement. */
  readonly latency: RecordableHistogram
}

export const createTally = (devices: number): Tally => ({
  sent: 0,
  stored: 0,
  refused: 0,
  unknown: 0,
  refusedOnPurpose: 0,
  wronglyStored: 0,
  reasons: new Map(),
  devices: Array.from({ length: devices }, () => ({ acknowledged: 0, unsure: 0 })),
  latency: createHistogram(),
})

export interface Counted {
  device: number
  /** Points that the message held: its values that are not null. */
  points: number
  faulty: boolean
  tookNanos: number
}

/** Enters one outcome. */
export function count(tally: Tally, outcome: Outcome, message: Counted): void {
  const device = tally.devices[message.device]
  tally.sent++
  if (outcome.kind === 'stored') {
    tally.stored++
    tally.latency.record(Math.max(1, Math.round(message.tookNanos)))
    if (message.faulty) tally.wronglyStored++
    else if (device) device.acknowledged += message.points
    return
  }
  if (outcome.kind !== 'refused' && device) device.unsure += message.points
  if (outcome.kind === 'sent') return
  tally.reasons.set(outcome.why, (tally.reasons.get(outcome.why) ?? 0) + 1)
  if (outcome.kind === 'unknown') tally.unknown++
  else if (message.faulty) tally.refusedOnPurpose++
  else tally.refused++
}

/** A percentile of publish → acknowledgement in milliseconds. */
export const latencyMs = (tally: Tally, percentile: number): number => tally.latency.percentile(percentile) / 1e6
