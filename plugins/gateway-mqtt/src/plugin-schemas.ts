import { Type, type Static } from 'typebox'
import { Address, closed, Id, Text } from './schema-parts.ts'
import { Upstream } from './upstream-schema.ts'

const MqttProxy = Type.Object(
  {
    protocol_name: Type.String({ minLength: 1, maxLength: 64, default: 'MQTT' }),
    protocol_level: Type.Union([Type.Integer(), Type.Array(Type.Integer(), { minItems: 1, maxItems: 16 })]),
    on_reject: Type.Optional(Type.Union([Type.Literal('close'), Type.Literal('connack')])),
    server_reference: Type.Optional(Text(1_024)),
  },
  closed,
)
const Addresses = Type.Optional(Type.Array(Address, { minItems: 1, maxItems: 1_000 }))

const TrafficSplit = Type.Object(
  {
    rules: Type.Array(
      Type.Object(
        {
          weighted_upstreams: Type.Array(
            Type.Object(
              {
                upstream_id: Type.Optional(Id),
                upstream: Type.Optional(Upstream),
                weight: Type.Integer({ minimum: 0, default: 1 }),
              },
              closed,
            ),
            { minItems: 1, maxItems: 20 },
          ),
        },
        closed,
      ),
      { minItems: 1, maxItems: 1 },
    ),
  },
  closed,
)

/** What may stand around every plugin's own fields. */
export const StreamPlugins = Type.Object(
  {
    'mqtt-proxy': Type.Optional(MqttProxy),
    'ip-restriction': Type.Optional(
      Type.Object({ whitelist: Addresses, blacklist: Addresses, message: Type.Optional(Text(1_024)) }, closed),
    ),
    'limit-conn': Type.Optional(
      Type.Object(
        {
          conn: Type.Integer({ minimum: 1 }),
          burst: Type.Integer({ minimum: 0, default: 0 }),
          default_conn_delay: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
          only_use_default_delay: Type.Optional(Type.Boolean()),
          key: Text(256),
          key_type: Type.Union([Type.Literal('var'), Type.Literal('var_combination')], { default: 'var' }),
        },
        closed,
      ),
    ),
    'traffic-split': Type.Optional(TrafficSplit),
    prometheus: Type.Optional(Type.Unknown()),
  },
  closed,
)
export type StreamPlugins = Static<typeof StreamPlugins>
