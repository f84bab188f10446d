import { Type, type Static } from 'typebox'

/** How plugins can come in here, besides by upload. */
export const PluginInstalls = Type.Object({
  policy: Type.Union([Type.Literal('bundled'), Type.Literal('verified'), Type.Literal('signed'), Type.Literal('any')], {
    description: 'PATCHBAY_PLUGIN_POLICY',
  }),
  npm: Type.Boolean({ description: 'A registry is set, so plugins can be named instead of uploaded' }),
})
export type PluginInstalls = Static<typeof PluginInstalls>
