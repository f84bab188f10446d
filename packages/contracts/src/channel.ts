import { Type, type Static } from 'typebox'
import { Name, Version } from './id.ts'
import { InstanceState, InstanceStatus, PluginId } from './plugin.ts'

const closed = { additionalProperties: false } as const
const Config = Type.Record(Type.String(), Type.Unknown(), { description: 'The fields of the plugin' })

/** An alert channel: an instance of an alert plugin, seen from its use. Its name is unique over all alert plugins. */
export const Channel = Type.Object(
  {
    name: Name,
    plugin: PluginId,
    enabled: Type.Boolean(),
    config: Type.Record(Type.String(), Type.Unknown({ description: 'Secrets are answered as {"set": true}' })),
    state: InstanceState,
    status: InstanceStatus,
    version: Version,
  },
  { $id: 'Channel' },
)
export type Channel = Static<typeof Channel>

export const NewChannel = Type.Object(
  { name: Name, plugin: PluginId, enabled: Type.Optional(Type.Boolean()), config: Config },
  closed,
)
export type NewChannel = Static<typeof NewChannel>

/** `name` may be there and is then that of the path. */
export const ChannelBody = Type.Object({ ...NewChannel.properties, name: Type.Optional(Name) }, closed)
export type ChannelBody = Static<typeof ChannelBody>

/** Unsaved values. With `name`, secrets sent as `{"set": true}` are those of that channel. */
export const ChannelTest = Type.Object({ name: Type.Optional(Name), plugin: PluginId, config: Config }, closed)
export type ChannelTest = Static<typeof ChannelTest>

export const ChannelTestAnswer = Type.Object(
  {
    ok: Type.Boolean({ description: 'The remote took a test notification' }),
    reply: Type.Optional(Type.String({ description: 'What the remote said, in its own words' })),
    code: Type.Optional(Type.String()),
    text: Type.Optional(Type.String({ description: 'Why not: the remote’s own words, or the network’s error' })),
    errors: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), code: Type.String(), message: Type.String() })),
    ),
  },
  { $id: 'ChannelTestAnswer' },
)
export type ChannelTestAnswer = Static<typeof ChannelTestAnswer>
