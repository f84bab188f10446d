import type { AlertSink } from '../alerts/port.ts'
import type { Clock } from '../clock.ts'
import type { PresenceStatus } from '../presence/port.ts'
import type { RegistryStore } from '../registry/port.ts'
import type { TelemetryStore } from '../telemetry/port.ts'
import type { CommittedQueue } from './committed-queue.ts'

export interface EngineOptions {
  registry: RegistryStore
  telemetry: TelemetryStore
  alerts: AlertSink
  clock: Clock
  queue: CommittedQueue
  /** What is known of a device's presence, at once. */
  statusOf: (device: string) => PresenceStatus
  shadowOf: (device: string) => Promise<{ desired: unknown; reported: unknown }>
  /** The rule can no longer be evaluated. */
  onStopped: (rule: string, code: 'RULE_TOO_SLOW' | 'RULE_FAILED', text: string) => void
  /** The rule raised so often on this device that it is left alone for a while. */
  onLoop: (rule: string, device: string) => void
  onFault: (error: unknown) => void
}

export interface EngineStats {
  rules: number
  devices: number
  readings: number
  signals: number
  /** Points that were committed and not yet looked at. */
  behind: number
}
