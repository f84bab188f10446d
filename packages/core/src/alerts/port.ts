import type { DeliveryAnswer, Notification } from '@patchbay/contracts/notification'
import type { Severity } from '@patchbay/contracts/severity'

/**
 * What the evaluation of a rule says about one device; the alerts turn it into their lifecycle. `at` is the event's time in µs. `id` is the
 * same when the same event is evaluated again (after a kill), so that applying it twice changes nothing.
 */
export type AlertSignal = {
  readonly id: string
  readonly rule: string
  readonly device: string
  readonly at: number
} & (
  | {
      readonly kind: 'raise' | 'severity' | 'repeat'
      readonly severity: Severity
      readonly value: unknown
      readonly cause: string
    }
  | { readonly kind: 'clear'; readonly value: unknown; readonly cause: string }
)

/** Where rules hand over what they found. */
export interface AlertSink {
  /** Durable when resolved, in the order given; a signal that was applied before is left out. Rejects with StoreUnavailable. */
  apply(signals: readonly AlertSignal[]): Promise<void>
}

/** How alerts reach the channels, which are plugin instances. */
export interface ChannelDelivery {
  /** Never rejects: a channel that is not there, stopped or too slow answers `retry` and says so. */
  deliver(
    channel: string,
    notification: Notification,
    options: { readonly attempt: number; readonly signal: AbortSignal },
  ): Promise<DeliveryAnswer>
}
