import { Type, type Static } from 'typebox'
import { NewAccessRule } from './access.ts'
import { NewChannel } from './channel.ts'
import { DeviceLogin, NewDevice } from './device.ts'
import { NewDeviceType } from './device-type.ts'
import { DeviceId, Name } from './id.ts'
import { NewRole } from './person.ts'
import { InstanceBody, PluginId } from './plugin.ts'
import { FieldError } from './problem.ts'
import { NewRule } from './rule.ts'

const closed = { additionalProperties: false } as const
/** Things of one kind in a configuration. */
export const maxConfiguredItems = 100_000
const listOf = <T extends Parameters<typeof Type.Array>[0]>(item: T) =>
  Type.Optional(Type.Array(item, { maxItems: maxConfiguredItems }))

/** An object of the gateway's Admin API with its id; the gateway itself knows the fields. */
const GatewayObject = Type.Object({ id: Type.String({ pattern: '^[a-zA-Z0-9_.-]{1,64}$' }) })

/**
 * The configuration as a document: kinds and fields are those of REST. A list that is not there is left alone; things missing from a
 * list that is there are deleted only with `prune: true`.
 */
export const Configuration = Type.Object(
  {
    prune: Type.Optional(Type.Boolean()),
    roles: listOf(NewRole),
    types: listOf(NewDeviceType),
    devices: listOf(Type.Object({ ...NewDevice.properties, id: DeviceId }, closed)),
    accessRules: listOf(Type.Object({ ...NewAccessRule.properties, id: Name }, closed)),
    instances: listOf(Type.Object({ plugin: PluginId, name: Type.Optional(Name), ...InstanceBody.properties }, closed)),
    channels: listOf(NewChannel),
    rules: listOf(NewRule),
    gateway: Type.Optional(
      Type.Object(
        {
          ssls: listOf(GatewayObject),
          upstreams: listOf(GatewayObject),
          services: listOf(GatewayObject),
          stream_routes: listOf(GatewayObject),
        },
        closed,
      ),
    ),
  },
  closed,
)
export type Configuration = Static<typeof Configuration>

/** One field that is or would be changed. Of secrets only that they change. */
export const ConfigurationChange = Type.Object({
  path: Type.String({ description: 'JSON pointer into the thing' }),
  from: Type.Optional(Type.Unknown()),
  to: Type.Optional(Type.Unknown()),
  secret: Type.Optional(Type.Literal(true)),
})
export type ConfigurationChange = Static<typeof ConfigurationChange>

/** What becomes of one thing. Those that stay as they are are only counted. */
export const ConfiguredItem = Type.Object({
  kind: Type.String(),
  id: Type.String(),
  where: Type.Optional(Type.String({ description: 'File and JSON pointer of what asks for it' })),
  action: Type.Union([Type.Literal('create'), Type.Literal('change'), Type.Literal('delete'), Type.Literal('none')]),
  changes: Type.Optional(Type.Array(ConfigurationChange)),
  problem: Type.Optional(
    Type.Object({ code: Type.String(), detail: Type.String(), errors: Type.Optional(Type.Array(FieldError)) }),
  ),
  credentials: Type.Optional(DeviceLogin),
})
export type ConfiguredItem = Static<typeof ConfiguredItem>

export const ConfigurationOutcome = Type.Object({
  dryRun: Type.Boolean(),
  ok: Type.Boolean({ description: 'Nothing was refused' }),
  counts: Type.Object({
    created: Type.Integer(),
    changed: Type.Integer(),
    deleted: Type.Integer(),
    same: Type.Integer(),
    refused: Type.Integer(),
  }),
  items: Type.Array(ConfiguredItem),
})
export type ConfigurationOutcome = Static<typeof ConfigurationOutcome>
