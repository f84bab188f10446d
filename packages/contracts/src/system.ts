import { Type, type Static } from 'typebox'
import { Time } from './id.ts'

/** One listening address, TCP unless `transport` says else. `degraded` says why it does not listen while the rest of the platform runs. */
export const Listener = Type.Object(
  {
    name: Type.String(),
    address: Type.String(),
    port: Type.Integer(),
    transport: Type.Optional(Type.Union([Type.Literal('tcp'), Type.Literal('udp')])),
    tls: Type.Union([Type.Literal('never'), Type.Literal('always'), Type.Literal('detected')]),
    state: Type.Union([Type.Literal('listening'), Type.Literal('degraded'), Type.Literal('off')]),
    detail: Type.Optional(Type.String()),
    connections: Type.Integer({
      description: 'Open ones; over UDP, peers that sent something in the last minute or two',
    }),
    refused: Type.Integer(),
  },
  { $id: 'Listener' },
)
export type Listener = Static<typeof Listener>

export const Readiness = Type.Object({ ready: Type.Boolean(), reasons: Type.Array(Type.String()) })
export type Readiness = Static<typeof Readiness>

/** Which store holds registry and telemetry, and whether it answers; `address` without user and password. */
export const StoreState = Type.Object({
  kind: Type.Union([Type.Literal('embedded'), Type.Literal('mongodb')]),
  state: Type.Union([Type.Literal('ready'), Type.Literal('away')]),
  address: Type.Optional(Type.String()),
})
export type StoreState = Static<typeof StoreState>

/** What was copied into this store from another one, read back and compared; `sha256` is of the points. */
export const CopiedView = Type.Object({
  at: Time,
  points: Type.Integer(),
  documents: Type.Integer(),
  sha256: Type.String(),
})
export type CopiedView = Static<typeof CopiedView>

/** The Redis that nodes share, without user and password; `notDurable` says in sentences what it may lose as it is set. */
export const RedisState = Type.Object({
  state: Type.Union([Type.Literal('ready'), Type.Literal('away')]),
  address: Type.String(),
  notDurable: Type.Array(Type.String()),
})
export type RedisState = Static<typeof RedisState>

/**
 * Sizes in bytes; `pointsPerDay` is over the last day, `forecastDays` how long the free space lasts if that goes on (absent while nothing
 * grows). `droppedUnread` counts points whose retention ended before every sink and rule had read them.
 */
export const Storage = Type.Object({
  store: StoreState,
  copied: Type.Optional(CopiedView),
  redis: Type.Optional(RedisState),
  registry: Type.Object({ bytes: Type.Integer() }),
  telemetry: Type.Object({
    bytes: Type.Integer(),
    points: Type.Integer(),
    series: Type.Integer(),
    pointsPerDay: Type.Integer(),
    bytesPerPoint: Type.Number(),
    droppedUnread: Type.Integer(),
  }),
  freeBytes: Type.Integer(),
  forecastDays: Type.Optional(Type.Number()),
  durability: Type.Union([Type.Literal('full'), Type.Literal('relaxed')]),
})
export type Storage = Static<typeof Storage>
