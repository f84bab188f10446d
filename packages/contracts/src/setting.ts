import { Type, type Static } from 'typebox'
import { Time } from './id.ts'

/** A setting of the platform as it is in force here. A secret's value is never answered. */
export const Setting = Type.Object(
  {
    name: Type.String({ description: 'The variable of the environment' }),
    meaning: Type.String(),
    value: Type.Optional(Type.String({ description: 'In force; absent = not set, or secret' })),
    default: Type.Optional(Type.String()),
    secret: Type.Optional(Type.Literal(true)),
    from: Type.Union([Type.Literal('environment'), Type.Literal('console'), Type.Literal('default')]),
    change: Type.Union([Type.Literal('now'), Type.Literal('start'), Type.Literal('environment')], {
      description:
        'now: a change by PATCH is in force at once; start: from the next start on; environment: only there, where it is set or because it is of the start',
    }),
    next: Type.Optional(
      Type.Union([Type.String(), Type.Null()], {
        description: 'Stored and waits for the next start; null = not set any more',
      }),
    ),
  },
  { $id: 'Setting' },
)
export type Setting = Static<typeof Setting>

/** Text as it would stand in the environment; null takes back what was stored. */
export const SettingChanges = Type.Record(
  Type.String({ pattern: '^PATCHBAY_[A-Z_]{1,40}$' }),
  Type.Union([Type.String({ maxLength: 2000 }), Type.Null()]),
  { minProperties: 1, maxProperties: 20 },
)
export type SettingChanges = Static<typeof SettingChanges>

const maxChainCharacters = 65_536
const maxKeyCharacters = 16_384

/** PUT body: both in PEM, the server's certificate first, then its chain. */
export const ServerPair = Type.Object(
  {
    certificatePem: Type.String({ minLength: 1, maxLength: maxChainCharacters }),
    privateKeyPem: Type.String({
      minLength: 1,
      maxLength: maxKeyCharacters,
      description: 'Kept sealed, never answered',
    }),
  },
  { additionalProperties: false },
)
export type ServerPair = Static<typeof ServerPair>

/** What clients are shown by TLS. */
export const ServerCertificate = Type.Object(
  {
    source: Type.Union([Type.Literal('own'), Type.Literal('uploaded'), Type.Literal('files')], {
      description: 'own: self-made, by the authority of this installation; files: PATCHBAY_TLS_CERT',
    }),
    subject: Type.String(),
    issuer: Type.String(),
    names: Type.Array(Type.String(), { description: 'Host names and addresses that it is good for' }),
    startsAt: Time,
    expiresAt: Time,
    fingerprint: Type.String({ description: 'SHA-256, hex' }),
    chain: Type.Integer({ description: 'Certificates that are shown, its own among them' }),
  },
  { $id: 'ServerCertificate' },
)
export type ServerCertificate = Static<typeof ServerCertificate>
