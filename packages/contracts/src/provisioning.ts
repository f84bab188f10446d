import { Type, type Static } from 'typebox'
import { DeviceKey, DeviceLogin } from './device.ts'
import { DeviceId, Name, namePattern, Tags, Time, Title, Version } from './id.ts'

/** `create`: makes devices. `pre-registered`: hands credentials to devices that were registered before and were never there. */
export const ProvisioningStrategy = Type.Union([Type.Literal('create'), Type.Literal('pre-registered')])
export type ProvisioningStrategy = Static<typeof ProvisioningStrategy>

const quota = Type.Integer({ minimum: 1, maximum: 1_000_000 })
const idPrefix = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$',
  description: 'How the ids of its devices begin; a device that asks for another id is refused',
})

const fields = {
  name: Title,
  type: Type.Optional(
    Type.String({
      pattern: namePattern,
      description: 'The type that new devices get, and that pre-registered ones must have',
    }),
  ),
  tags: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 50,
      uniqueItems: true,
      description: 'The tags that new devices get, and that pre-registered ones must have',
    }),
  ),
  quota: Type.Optional(quota),
  expiresAt: Type.Optional(Time),
  reprovision: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'A device may ask again with its claim also after it has used what it was given (a factory reset)',
    }),
  ),
}

export const ProvisioningKey = Type.Object(
  {
    id: Type.String(),
    name: Title,
    strategy: ProvisioningStrategy,
    type: Type.Optional(Name),
    tags: Tags,
    idPrefix: Type.Optional(Type.String()),
    quota: Type.Optional(quota),
    used: Type.Integer({ minimum: 0, description: 'Devices that were provisioned with it' }),
    reprovision: Type.Boolean(),
    enabled: Type.Boolean(),
    prefix: Type.String({ description: 'The first characters, to recognise it by' }),
    createdAt: Time,
    createdBy: Type.Optional(Type.String()),
    expiresAt: Type.Optional(Time),
    lastUsedAt: Type.Optional(Time),
    version: Version,
  },
  { $id: 'ProvisioningKey' },
)
export type ProvisioningKey = Static<typeof ProvisioningKey>

export const NewProvisioningKey = Type.Object(
  { ...fields, strategy: Type.Optional(ProvisioningStrategy), idPrefix: Type.Optional(idPrefix) },
  { additionalProperties: false },
)
export type NewProvisioningKey = Static<typeof NewProvisioningKey>

/** null takes a limit away. */
export const ProvisioningKeyPatch = Type.Object(
  {
    name: Type.Optional(Title),
    tags: Type.Optional(Tags),
    quota: Type.Optional(Type.Union([quota, Type.Null()])),
    expiresAt: Type.Optional(Type.Union([Time, Type.Null()])),
    reprovision: Type.Optional(Type.Boolean()),
    enabled: Type.Optional(Type.Boolean({ description: 'false ends the key and its sessions at once' })),
  },
  { additionalProperties: false, minProperties: 1 },
)
export type ProvisioningKeyPatch = Static<typeof ProvisioningKeyPatch>

/** The key itself is answered here once; only its SHA-256 is kept. */
export const CreatedProvisioningKey = Type.Object({ provisioningKey: ProvisioningKey, key: Type.String() })

/** What a device sends to `provision/request`. */
export const ProvisionRequest = Type.Object(
  {
    deviceId: Type.Optional(DeviceId),
    claim: Type.Optional(
      Type.String({
        pattern: '^[\\x21-\\x7e]{16,128}$',
        description:
          'Random text that the device makes once and keeps for itself: with it, and with nothing else, it may ask again',
      }),
    ),
    name: Type.Optional(Title),
    credentials: Type.Optional(Type.Union([Type.Literal('secret'), Type.Literal('psk')], { default: 'secret' })),
    csr: Type.Optional(
      Type.String({ maxLength: 16_384, description: 'A certificate signing request in PEM; needs a claim' }),
    ),
    id: Type.Optional(Type.String({ maxLength: 64, description: 'Comes back in the answer' })),
  },
  { additionalProperties: false },
)
export type ProvisionRequest = Static<typeof ProvisionRequest>

export const IssuedCertificate = Type.Object({
  certificate: Type.String({ description: 'PEM, with the certificates between it and the authority' }),
  authority: Type.String({ description: 'PEM of the authority' }),
})
export type IssuedCertificate = Static<typeof IssuedCertificate>

/** What comes to `provision/response`. */
export const Provisioned = Type.Object({
  id: Type.Optional(Type.String()),
  device: Type.Object({ id: DeviceId, name: Title, type: Name }),
  credentials: Type.Optional(DeviceLogin),
  preSharedKey: Type.Optional(DeviceKey),
  certificate: Type.Optional(IssuedCertificate),
  again: Type.Boolean({ description: 'The device was provisioned before and has lost the answer' }),
})
export type Provisioned = Static<typeof Provisioned>
