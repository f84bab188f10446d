import { MessageProperties } from '@patchbay/contracts/bridge'
import { Type } from 'typebox'
import { guard, hotGuard } from './orders.ts'

/** Topic filters of one bridge in each direction. */
const maxBridgeFilters = 1000

const text = (maxLength: number) => Type.String({ maxLength })
const anything = Type.Record(Type.String(), Type.Unknown())
const Qos = Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)])
export const PublishHow = Type.Object({
  qos: Type.Optional(Qos),
  retain: Type.Optional(Type.Boolean()),
  contentType: Type.Optional(text(256)),
  properties: Type.Optional(Type.Unknown()),
  idempotencyKey: Type.Optional(text(255)),
  relayedBy: Type.Optional(text(64)),
})
/** What a bridge says of itself besides what it does. */
const filters = Type.Array(text(512), { maxItems: maxBridgeFilters })
const BridgeAbout = Type.Object({
  out: filters,
  in: filters,
  as: Type.Optional(
    Type.Object({ kind: Type.Union([Type.Literal('device'), Type.Literal('application')]), id: text(256) }),
  ),
  createDevices: Type.Optional(Type.Object({ type: Type.Optional(text(64)) })),
  queueMb: Type.Optional(Type.Number({ minimum: 1, maximum: 1_000_000 })),
})
const BridgeHow = Type.Object({
  qos: Type.Optional(Qos),
  retain: Type.Optional(Type.Boolean()),
  properties: Type.Optional(MessageProperties),
  passed: Type.Optional(Type.Array(text(1024), { maxItems: 1000 })),
})
const Action = Type.Union([Type.Literal('publish'), Type.Literal('subscribe')])
const topic = text(65_535)
const session = Type.Integer({ minimum: 1 })

const Credentials = Type.Union([
  Type.Object({ kind: Type.Literal('password'), username: Type.String(), password: Type.String() }),
  Type.Object({ kind: Type.Literal('bearer'), secret: Type.String(), username: Type.Optional(Type.String()) }),
  Type.Object({ kind: Type.Literal('certificate'), deviceId: Type.String(), fingerprint: Type.String() }),
  Type.Object({
    kind: Type.Literal('certificate'),
    problem: Type.Union([
      Type.Literal('foreign'),
      Type.Literal('expired'),
      Type.Literal('early'),
      Type.Literal('nameless'),
    ]),
    fingerprint: Type.String(),
    claimedId: Type.Optional(Type.String()),
  }),
  Type.Object({ kind: Type.Literal('psk'), deviceId: Type.String(), digest: Type.String() }),
  Type.Object({ kind: Type.Literal('none') }),
])
const Peer = Type.Object({
  protocol: text(64),
  address: text(256),
  encrypted: Type.Boolean(),
  clientId: Type.Optional(text(65_535)),
  credentials: Credentials,
  request: Type.Optional(Type.Boolean()),
})
const RefusedPeer = Type.Object({ protocol: text(64), address: text(256), clientId: Type.Optional(text(65_535)) })
const Refusal = Type.Object({
  device: Type.Optional(text(256)),
  action: Type.Union([
    Type.Literal('connect'),
    Type.Literal('publish'),
    Type.Literal('subscribe'),
    Type.Literal('receive'),
  ]),
  topic: Type.Optional(topic),
  refused: Type.Unknown(),
})

/** What the plugin's side asks for. Nothing of it is taken before it was looked at. */
export const asks = {
  publish: hotGuard(Type.Object({ s: session, t: topic, h: Type.Optional(PublishHow) })),
  open: guard(Peer),
  refuse: guard(Type.Object({ peer: RefusedPeer, refusal: Refusal })),
  publishFor: hotGuard(
    Type.Object({
      principal: Type.Object({
        kind: Type.Union([Type.Literal('device'), Type.Literal('application')]),
        id: text(256),
      }),
      protocol: text(64),
      topic,
      how: Type.Optional(PublishHow),
    }),
  ),
  provision: guard(Type.Object({ s: session, contentType: Type.Optional(text(256)) })),
  ofSession: guard(Type.Object({ s: session })),
  authorize: guard(Type.Object({ s: session, action: Action, topic })),
  subscribe: guard(
    Type.Object({
      s: session,
      sub: Type.Integer(),
      filter: topic,
      how: Type.Optional(
        Type.Object({
          from: Type.Optional(Type.Union([Type.Literal('platform'), Type.Literal('all')])),
          qos: Type.Optional(Qos),
        }),
      ),
    }),
  ),
  unsubscribe: guard(Type.Object({ sub: Type.Integer() })),
  takeCommands: guard(Type.Object({ s: session, waitMs: Type.Number({ minimum: 0 }), key: Type.Integer() })),
  aborted: guard(Type.Object({ key: Type.Integer() })),
  message: hotGuard(Type.Object({ topic, how: Type.Optional(PublishHow) })),
  bridged: hotGuard(Type.Object({ name: text(64), topic, how: Type.Optional(BridgeHow) })),
  key: guard(Type.Object({ key: Type.String() })),
  keyValue: guard(Type.Object({ key: Type.String(), value: Type.Unknown() })),
  source: guard(Type.Object({ name: text(64), retakes: Type.Boolean() })),
  park: guard(
    Type.Object({
      messages: Type.Array(Type.Object({ id: text(180), reply: text(65_536), item: anything }), { maxItems: 10_000 }),
    }),
  ),
  createDevice: guard(
    Type.Object({ id: text(256), type: text(64), tags: Type.Optional(Type.Array(text(64), { maxItems: 50 })) }),
  ),
  report: guard(
    Type.Object({
      taken: Type.Optional(Type.Integer({ minimum: 0 })),
      refused: Type.Optional(Type.Integer({ minimum: 0 })),
      lag: Type.Optional(Type.Object({ records: Type.Integer({ minimum: 0 }), seconds: Type.Number({ minimum: 0 }) })),
    }),
  ),
  preSharedKeys: guard(Type.Object({ device: text(256), address: text(256) })),
  log: hotGuard(
    Type.Object({
      level: Type.Union([Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')]),
      message: Type.String(),
      fields: Type.Optional(anything),
    }),
  ),
  health: guard(
    Type.Object({
      state: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
      why: Type.Optional(Type.String()),
    }),
  ),
  contribute: guard(
    Type.Object({
      kind: Type.Union([
        Type.Literal('accessProvider'),
        Type.Literal('codec'),
        Type.Literal('alertChannel'),
        Type.Literal('sink'),
        Type.Literal('bridge'),
      ]),
      name: text(64),
      members: Type.Array(text(64), { maxItems: 10 }),
      bridge: Type.Optional(BridgeAbout),
    }),
  ),
  relay: guard(Type.Object({ name: text(64) })),
  unlisten: guard(Type.Object({ name: text(64) })),
  listen: guard(
    Type.Object({
      name: text(64),
      port: Type.Integer({ minimum: 0, maximum: 65_535 }),
      tls: Type.Optional(Type.Union([Type.Literal('never'), Type.Literal('always'), Type.Literal('detected')])),
    }),
  ),
  ofConnection: guard(Type.Object({ c: Type.Integer() })),
  credit: guard(Type.Object({ c: Type.Integer(), bytes: Type.Integer({ minimum: 0 }) })),
  datagram: guard(
    Type.Object({ listener: text(64), address: text(256), port: Type.Integer({ minimum: 0, maximum: 65_535 }) }),
  ),
}
