import { Type, type Static } from 'typebox'
import { Name, Time, Title, Version } from './id.ts'

/** A permission is `area.verb`; roles are lists of them. `*` is all, `area.*` all of an area. */
export const permissions = [
  'devices.read',
  'devices.write',
  'devices.secrets',
  'provisioning.read',
  'provisioning.write',
  'telemetry.read',
  'commands.write',
  'shadow.write',
  'types.read',
  'types.write',
  'access.read',
  'access.write',
  'rules.read',
  'rules.write',
  'messages.read',
  'messages.publish',
  'alerts.read',
  'alerts.write',
  'maintenance.write',
  'jobs.read',
  'jobs.write',
  'plugins.read',
  'plugins.write',
  'users.read',
  'users.write',
  'roles.read',
  'roles.write',
  'keys.read',
  'keys.write',
  'audit.read',
  'brokers.ask',
  'system.read',
  'system.write',
] as const
export type Permission = (typeof permissions)[number]

export const PermissionName = Type.String({ pattern: '^(\\*|[a-z]+\\.(\\*|[a-z]+))$', maxLength: 64 })

const password = Type.String({ minLength: 8, maxLength: 256 })

export const Role = Type.Object(
  {
    id: Name,
    title: Title,
    permissions: Type.Array(Type.String()),
    builtIn: Type.Boolean(),
    version: Type.Optional(Version),
  },
  { $id: 'Role' },
)
export type Role = Static<typeof Role>
export const NewRole = Type.Object(
  { id: Name, title: Type.Optional(Title), permissions: Type.Array(PermissionName, { maxItems: 100 }) },
  { additionalProperties: false },
)
export const RoleBody = Type.Object(
  { title: Type.Optional(Title), permissions: Type.Array(PermissionName, { maxItems: 100 }) },
  { additionalProperties: false },
)

export const User = Type.Object(
  {
    id: Name,
    name: Type.Optional(Title),
    role: Name,
    createdAt: Time,
    lastLoginAt: Type.Optional(Time),
    version: Version,
  },
  { $id: 'User' },
)
export type User = Static<typeof User>
export const NewUser = Type.Object(
  { id: Name, name: Type.Optional(Title), role: Name, password },
  { additionalProperties: false },
)
export const UserPatch = Type.Object(
  {
    name: Type.Optional(Title),
    role: Type.Optional(Name),
    password: Type.Optional(password),
    currentPassword: Type.Optional(
      Type.String({ maxLength: 256, description: 'Asked of whoever changes the own password' }),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
)

export const SetupState = Type.Object({ needed: Type.Boolean() })
export const SetupBody = Type.Object(
  { token: Type.String({ maxLength: 128 }), user: Name, password },
  { additionalProperties: false },
)
export const LoginBody = Type.Object(
  { user: Type.String({ maxLength: 128 }), password: Type.String({ maxLength: 256 }) },
  { additionalProperties: false },
)
/** Who the caller is: a person with a session, or an API key. */
export const WhoAmI = Type.Object({
  user: Type.Optional(Name),
  apiKey: Type.Optional(Type.String()),
  role: Name,
  permissions: Type.Array(Type.String()),
})

export const ApiKey = Type.Object(
  {
    id: Type.String(),
    name: Title,
    role: Name,
    publish: Type.Array(Type.String()),
    subscribe: Type.Array(Type.String()),
    prefix: Type.String({ description: 'The first characters, to recognise it by' }),
    createdAt: Time,
    createdBy: Type.Optional(Type.String()),
    expiresAt: Type.Optional(Time),
    lastUsedAt: Type.Optional(Time),
    version: Version,
  },
  { $id: 'ApiKey' },
)
export type ApiKey = Static<typeof ApiKey>
const filters = Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 100, default: [] })
export const NewApiKey = Type.Object(
  {
    name: Title,
    role: Type.Optional(Name),
    publish: Type.Optional(filters),
    subscribe: Type.Optional(filters),
    expiresAt: Type.Optional(Time),
  },
  { additionalProperties: false },
)
/** The key itself is answered here once; only its SHA-256 is kept. */
export const CreatedApiKey = Type.Object({ apiKey: ApiKey, key: Type.String() })

export const AuditEntry = Type.Object(
  {
    id: Type.String(),
    at: Time,
    actor: Type.String({
      description: 'user:NAME, key:ID, provisioning:ID, configuration (files of PATCHBAY_CONFIG), setup or system',
    }),
    address: Type.Optional(Type.String()),
    action: Type.String({
      description: 'The verb and the path of the request; `provision` of a device that a provisioning key let in',
    }),
    target: Type.Optional(Type.String()),
    outcome: Type.Union([Type.Literal('done'), Type.Literal('refused')]),
    status: Type.Integer(),
    requestId: Type.String(),
    changes: Type.Optional(Type.Unknown({ description: 'The request body with secrets masked' })),
    hash: Type.String({ description: 'SHA-256 over the entry and the hash before it' }),
  },
  { $id: 'AuditEntry' },
)
export type AuditEntry = Static<typeof AuditEntry>
