import { Type, type Static } from 'typebox'
import { DeviceId, Name, Tags, Time, Title, Version } from './id.ts'

export const DeviceStatus = Type.Union([Type.Literal('never'), Type.Literal('online'), Type.Literal('offline')])
export type DeviceStatus = Static<typeof DeviceStatus>

/** A device as REST answers it. `type` is the id of a device type, `default` when none was chosen. */
export const Device = Type.Object(
  {
    id: DeviceId,
    name: Title,
    type: Name,
    tags: Tags,
    status: DeviceStatus,
    statusSince: Type.Optional(Time),
    lastSeenAt: Type.Optional(Time),
    provisionedBy: Type.Optional(Type.String({ description: 'The provisioning key that let it in' })),
    createdAt: Time,
    version: Version,
  },
  { $id: 'Device' },
)
export type Device = Static<typeof Device>

export const NewDevice = Type.Object(
  {
    id: Type.Optional(DeviceId),
    name: Type.Optional(Title),
    type: Type.Optional(Name),
    tags: Type.Optional(Tags),
  },
  { additionalProperties: false },
)
export type NewDevice = Static<typeof NewDevice>

export const DevicePatch = Type.Object(
  { name: Type.Optional(Title), type: Type.Optional(Name), tags: Type.Optional(Tags) },
  { additionalProperties: false, minProperties: 1 },
)
export type DevicePatch = Static<typeof DevicePatch>

/** What a device logs in with. The password is answered once, when it is made; only its SHA-256 is kept. */
export const DeviceLogin = Type.Object({ username: DeviceId, password: Type.String() })
export type DeviceLogin = Static<typeof DeviceLogin>

/**
 * The pre-shared key of CoAP over DTLS, answered once. The key is the bytes of its text, not what the text would be decoded to.
 */
export const DeviceKey = Type.Object({ identity: DeviceId, key: Type.String() })
export type DeviceKey = Static<typeof DeviceKey>

export const CreatedDevice = Type.Object({ device: Device, credentials: DeviceLogin })

/** A credential without its secret. An overlapping one ends at `expiresAt`. */
export const Credential = Type.Object(
  {
    id: Type.String(),
    kind: Type.Union([Type.Literal('secret'), Type.Literal('psk')]),
    createdAt: Time,
    expiresAt: Type.Optional(Time),
    lastUsedAt: Type.Optional(Time),
  },
  { $id: 'Credential' },
)
export type Credential = Static<typeof Credential>

export const RotateCredential = Type.Object(
  {
    kind: Type.Optional(
      Type.Union([Type.Literal('secret'), Type.Literal('psk')], {
        default: 'secret',
        description: 'psk: the pre-shared key of CoAP over DTLS',
      }),
    ),
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2_592_000,
        default: 0,
        description: 'How long the earlier ones of this kind stay valid; 0 ends them at once',
      }),
    ),
  },
  { additionalProperties: false },
)

export const ImportLine = Type.Object({
  line: Type.Integer(),
  id: Type.Optional(Type.String()),
  ok: Type.Boolean(),
  credentials: Type.Optional(DeviceLogin),
  code: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
})

/** A live connection of a device. */
export const LiveSession = Type.Object(
  {
    id: Type.String(),
    protocol: Type.String(),
    address: Type.String(),
    clientId: Type.Optional(Type.String()),
    since: Time,
    subscriptions: Type.Array(Type.String()),
  },
  { $id: 'LiveSession' },
)
export type LiveSession = Static<typeof LiveSession>

/** What happened around a device: it came or went, or one of its sessions began or ended. */
export const DeviceHappening = Type.Object(
  {
    at: Time,
    kind: Type.Union([
      Type.Literal('online'),
      Type.Literal('offline'),
      Type.Literal('session-opened'),
      Type.Literal('session-ended'),
    ]),
    why: Type.Optional(Type.String({ description: 'Why it came or went; of a session that ended, who ended it' })),
    protocol: Type.Optional(Type.String()),
    address: Type.Optional(Type.String()),
    clientId: Type.Optional(Type.String()),
  },
  { $id: 'DeviceHappening' },
)
export type DeviceHappening = Static<typeof DeviceHappening>
