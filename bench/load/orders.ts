import type { Latencies } from './latencies.ts'
import type { Login } from './wire.ts'

/** What is published: one number by `sensors/{id}/temperature`, or an object of two values by `devices/{id}/telemetry`. */
export type Kind = 'plain' | 'json'

/** What the bench asks of a load process; each order is answered once. */
export type Order =
  | { do: 'connect'; host: string; port: number; logins: readonly Login[] }
  | { do: 'send'; kind: Kind; qos: 0 | 1; perSecond: number; ms: number }
  | { do: 'close' }

export interface Sent {
  messages: number
  /** Messages that were not sent since the server took no more: its queue, the kernel's and 64 acknowledgements are full. */
  heldBack: number
  /** Acknowledgements that did not come within the time. */
  unanswered: number
  lost: number
  latencies: Latencies
}

export type Answer = { did: 'connect' | 'close' } | { did: 'send'; sent: Sent } | { did: 'fail'; why: string }
