import { Type, type Static } from 'typebox'
import { Name, Time } from './id.ts'

/** A backup in the folder of PATCHBAY_BACKUPS. One that failed is told of until the platform stops. */
export const BackupView = Type.Object(
  {
    id: Name,
    state: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')]),
    startedAt: Type.Optional(Time),
    progress: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'How much of one that is running is made' }),
    ),
    remainingSeconds: Type.Optional(Type.Integer({ minimum: 0, description: 'About, once that can be said' })),
    at: Type.Optional(Type.String({ format: 'date-time', description: 'Everything acknowledged before is in it' })),
    bytes: Type.Optional(Type.Integer()),
    files: Type.Optional(Type.Integer()),
    version: Type.Optional(Type.String({ description: 'Of the Patchbay that made it' })),
    encrypted: Type.Optional(Type.Boolean()),
    masterKey: Type.Optional(Type.Boolean({ description: 'It holds the key of the secrets' })),
    detail: Type.Optional(Type.String({ description: 'Why it failed' })),
  },
  { $id: 'Backup' },
)
export type BackupView = Static<typeof BackupView>
