import { Type, type Static } from 'typebox'
import { Time } from './id.ts'

/** `front`: devices come in; `worker`: rules, alerts, sinks and what runs once; `api`: REST and the console. */
export const NodeRole = Type.Union([Type.Literal('front'), Type.Literal('worker'), Type.Literal('api')])
export type NodeRole = Static<typeof NodeRole>

export const NodeLoad = Type.Object({
  cpu: Type.Number({ description: 'Cores that the process used since its last beat' }),
  memoryBytes: Type.Integer({ description: 'Resident memory of the process' }),
  sessions: Type.Integer({ description: 'Open sessions of devices and applications' }),
  messagesPerSecond: Type.Number({ description: 'Messages that were committed, since its last beat' }),
})
export type NodeLoad = Static<typeof NodeLoad>

/** A process of the platform on the shared stores. */
export const Node = Type.Object(
  {
    id: Type.String({ description: 'Kept for the life of its data folder' }),
    name: Type.String({ description: 'PATCHBAY_NODE_NAME, or the host’s name' }),
    version: Type.String(),
    roles: Type.Array(NodeRole),
    address: Type.String({ description: 'Where its one port listens' }),
    state: Type.Union([Type.Literal('live'), Type.Literal('away')], {
      description: 'away: its beat stood still for 8 s; what it held is taken over',
    }),
    self: Type.Boolean({ description: 'The node that answers this' }),
    startedAt: Time,
    seenAt: Time,
    load: Type.Optional(NodeLoad),
    holds: Type.Array(Type.String(), {
      description: 'Leases: `work` (rules, alerts, retention) and `instance/{plugin}/{name}`',
    }),
  },
  { $id: 'Node' },
)
export type Node = Static<typeof Node>
