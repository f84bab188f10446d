import type { Client } from 'aedes'
import type { AdapterRefusal, Log, RefusedError, Sessions } from '@patchbay/sdk'
import type { ClientState } from './client-state.ts'
import type { BrokerStore } from './persistence/broker-store.ts'
import type { ResendThrottle } from './resend-throttle.ts'

export interface Limits {
  maxPacketBytes: number
  connectTimeoutMs: number
  maxRetainedPerDevice: number
  maxSubscriptionsPerSession: number
  maxKeptSessionsPerDevice: number
  maxSessionExpirySeconds: number
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
  readonly states: WeakMap<Client, ClientState>
  /** Clients with messages that are not settled, stored and passed on yet. */
  readonly busy: Set<ClientState>
  readonly throttle: ResendThrottle
  stopping: boolean
}

/** Gives aedes its answer. What it throws then is about this client alone: not about the platform that has just settled a message. */
export function answerSafely(adapter: Pick<Adapter, 'log'>, state: ClientState, answer: () => void): void {
  try {
    answer()
  } catch (error) {
    adapter.log.error('a client’s packet failed', { clientId: state.clientId, error: String(error) })
    state.guard.destroy()
  }
}

/** Records a refusal that the adapter made itself; the platform has recorded its own. */
export function recordRefusal(
  adapter: Pick<Adapter, 'sessions'>,
  state: Pick<ClientState, 'connection' | 'clientId' | 'session'>,
  action: AdapterRefusal['action'],
  refused: RefusedError,
  topic?: string,
): void {
  const principal = state.session?.principal
  adapter.sessions.refuse(
    {
      protocol: 'mqtt',
      address: state.connection.address,
      ...(state.clientId === '' ? {} : { clientId: state.clientId }),
    },
    {
      action,
      refused,
      ...(topic === undefined ? {} : { topic }),
      ...(principal?.kind === 'device' ? { device: principal.id } : {}),
    },
  )
}
