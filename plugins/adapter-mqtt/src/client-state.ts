import type { Client } from 'aedes'
import type { Connection, RefusedError, Session, Subscription, Topic } from '@patchbay/sdk'
import { AnswerOrder } from './answer-order.ts'
import type { GuardedConnection } from './guarded-connection.ts'
import type { PlatformDeliveries } from './platform-deliveries.ts'

/** How a publish of QoS 2 ended, for repeats that came meanwhile. */
export type Outcome = RefusedError | 'taken'

/** One granted filter of a client. */
export interface GrantedFilter {
  qos: 0 | 1 | 2
  subscriptionIdentifier: number | undefined
  /** Allowed by an access plugin, which cannot be asked again for each message. */
  byProvider: boolean
  /** What the platform itself sends under this filter. */
  platform: Subscription | undefined
}

/** What the adapter knows of one connection, beside what aedes knows. */
export interface ClientState {
  readonly client: Client
  readonly guard: GuardedConnection
  readonly connection: Connection
  readonly deliveries: PlatformDeliveries
  readonly order: AnswerOrder
  /** Messages that are not settled, stored and passed on yet. */
  underWay: number
  /** Resolved topics, so that a message looks nothing up. */
  readonly topics: Map<string, Topic>
  readonly filters: Map<string, GrantedFilter>
  /** QoS 2 messages whose commit is under way, with the repeats that wait for it. */
  readonly taking: Map<number, ((outcome: Outcome) => void)[]>
  /** Answers of the authoriser to deliveries, each for a short while. */
  readonly mayReceive: Map<string, { allowed: boolean; untilMs: number }>
  /** As the client calls itself. */
  clientId: string
  session: Session | undefined
  /** Logged in without credentials, for the open topics only. */
  anonymous: boolean
  refusedLogin: RefusedError | undefined
  /** The session outlives the connection. */
  kept: boolean
  closed: boolean
}

export const newClientState = (
  client: Client,
  guard: GuardedConnection,
  connection: Connection,
  deliveries: PlatformDeliveries,
): ClientState => ({
  client,
  guard,
  connection,
  deliveries,
  order: new AnswerOrder(),
  underWay: 0,
  topics: new Map(),
  filters: new Map(),
  taking: new Map(),
  mayReceive: new Map(),
  clientId: '',
  session: undefined,
  anonymous: false,
  refusedLogin: undefined,
  kept: false,
  closed: false,
})

/** Ends the connection: a v5 client is told why, any other is just closed. [MQTT-3.14.0-1] */
export function endClient(state: ClientState, reasonCode: number): void {
  if (state.closed) return
  if (state.client.connected) state.client.disconnect({ reasonCode })
  else state.guard.destroy()
}
