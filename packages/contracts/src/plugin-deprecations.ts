import { Type } from 'typebox'

/** What of the plugin API a plugin uses and should not any more. */
export const PluginDeprecations = Type.Array(
  Type.Object({
    name: Type.String({ description: 'A member such as `ctx.every`, or a range of versions of the plugin API' }),
    since: Type.String({ description: 'The version of the plugin API that deprecated it' }),
    gone: Type.String({ description: 'The version that it is gone in' }),
    instead: Type.String(),
  }),
  { description: 'What of the plugin API it uses and should not any more' },
)
