import { Type, type Static } from 'typebox'
import { Name, Time } from './id.ts'

/** One line of a plugin's log. */
export const PluginLogLine = Type.Object(
  {
    at: Time,
    level: Type.Union([Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')]),
    instance: Type.Optional(Name),
    text: Type.String(),
    detail: Type.Optional(Type.String({ description: 'The fields of the line, as JSON' })),
  },
  { $id: 'PluginLogLine' },
)
export type PluginLogLine = Static<typeof PluginLogLine>
