import type { DeviceStatus } from '@patchbay/contracts/device'

/** What is known of a device's presence. Times are ISO 8601. */
export interface PresenceStatus {
  status: DeviceStatus
  /** Since when the status is so; absent for `never`. */
  since?: string
  lastSeenAt?: string
}
