import type { AdapterRefusal, Log, RefusedError, Sessions } from '@patchbay/sdk'
import type { Bus } from './bus.ts'
import type { Client } from './client.ts'
import type { BrokerStore } from './persistence/broker-store.ts'
import type { ResendThrottle } from './resend-throttle.ts'
import type { Router } from './router.ts'
import type { SharedNode } from './nodes/shared-node.ts'
import type { Wills } from './wills.ts'

export interface Limits {
  maxPacketBytes: number
  /** Of the CONNECT: nobody has earned our memory yet. */
  maxLoginBytes: number
  maxTopicBytes: number
  maxTopicLevels: number
  connectTimeoutMs: number
  maxRetainedPerDevice: number
  maxSubscriptionsPerSession: number
  maxKeptSessionsPerDevice: number
  maxSessionExpirySeconds: number
  /** 0: any is taken. */
  maxKeepAliveSeconds: number
  /** Announced to MQTT 5 clients, and enforced. [MQTT-3.3.4-7] [MQTT-3.2.2-17] */
  receiveMaximum: number
  topicAliases: number
  willGraceMs: number
  unavailableGraceMs: number
}

/** What the parts of the adapter share. */
export interface Adapter {
  readonly sessions: Sessions
  readonly log: Log
  readonly limits: Limits
  readonly openTopics: readonly string[]
  readonly store: BrokerStore
  readonly router: Router
  readonly bus: Bus
  readonly wills: Wills
  readonly throttle: ResendThrottle
  /** With other nodes; undefined: this node is alone. */
  readonly shared: SharedNode | undefined
  readonly clients: Set<Client>
  stopping: boolean
}

/** Records a refusal that the adapter made itself; the platform has recorded its own. */
export function recordRefusal(
  adapter: Pick<Adapter, 'sessions'>,
  client: Pick<Client, 'connection' | 'clientId' | 'session'>,
  action: AdapterRefusal['action'],
  refused: RefusedError,
  topic?: string,
): void {
  const principal = client.session?.principal
  adapter.sessions.refuse(
    {
      protocol: 'mqtt',
      address: client.connection.address,
      ...(client.clientId === '' ? {} : { clientId: client.clientId }),
    },
    {
      action,
      refused,
      ...(topic === undefined ? {} : { topic }),
      ...(principal?.kind === 'device' ? { device: principal.id } : {}),
    },
  )
}
