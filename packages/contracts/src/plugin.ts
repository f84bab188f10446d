import { Type, type Static } from 'typebox'
import { BridgeStatus } from './bridge.ts'
import { DeliverySettings, DeliveryStatus, Selection } from './delivery.ts'
import { FeedStatus } from './feed.ts'
import { Name, Time, Version } from './id.ts'
import { PluginDeprecations } from './plugin-deprecations.ts'

export const PluginId = Type.String({ pattern: '^[a-z][a-z0-9]*(-[a-z0-9]+)*$', maxLength: 64 })

const closed = { additionalProperties: false } as const
const Contribution = { name: PluginId, title: Type.String({ minLength: 1, maxLength: 100 }) }
const RelativePath = Type.String({ minLength: 1, maxLength: 256, pattern: '^(?!/)(?!.*\\.\\.)[^\\\\\\0]+$' })

/** Where a plugin's own HTTP is mounted. `session`: core asks for a person's session or an API key first; `own`: the plugin checks itself. */
export const HttpMount = Type.Object(
  {
    prefix: Type.String({ pattern: '^/[a-z0-9._/-]{0,100}$' }),
    auth: Type.Union([Type.Literal('session'), Type.Literal('own')]),
    permission: Type.Optional(
      Type.String({
        pattern: '^[a-z]+\\.[a-z]+$',
        maxLength: 64,
        description: 'With `session`: the right that the person or key must have, too',
      }),
    ),
    leaves: Type.Optional(
      Type.Array(Type.String({ pattern: '^/[a-z0-9._/-]{1,100}$' }), {
        maxItems: 20,
        description: 'Paths under the prefix that other plugins may claim; the longest prefix answers',
      }),
    ),
  },
  closed,
)
export type HttpMount = Static<typeof HttpMount>

/** `plugin.json`: what a plugin is, contributes and needs, readable without running its code. A closed schema: unknown fields are refused. */
export const PluginManifest = Type.Object(
  {
    manifest: Type.Literal(1),
    id: PluginId,
    name: Type.String({ minLength: 1, maxLength: 100 }),
    summary: Type.String({ minLength: 1, maxLength: 300 }),
    icon: Type.Optional(RelativePath),
    api: Type.String({ minLength: 1, maxLength: 64, description: 'Range over the plugin API version; * is refused' }),
    entry: RelativePath,
    config: RelativePath,
    configVersion: Type.Integer({ minimum: 1 }),
    instances: Type.Union([Type.Literal('one'), Type.Literal('many')]),
    runs: Type.Union([Type.Literal('each'), Type.Literal('one')]),
    contributes: Type.Object(
      {
        adapters: Type.Optional(
          Type.Array(
            Type.Object(
              {
                ...Contribution,
                directions: Type.Array(Type.Union([Type.Literal('up'), Type.Literal('down')]), { uniqueItems: true }),
              },
              closed,
            ),
          ),
        ),
        sources: Type.Optional(Type.Array(Type.Object(Contribution, closed))),
        sinks: Type.Optional(
          Type.Array(
            Type.Object(
              {
                ...Contribution,
                ordering: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('device')])),
                batch: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
              },
              closed,
            ),
          ),
        ),
        bridges: Type.Optional(Type.Array(Type.Object(Contribution, closed))),
        alertChannels: Type.Optional(
          Type.Array(Type.Object({ ...Contribution, resolves: Type.Optional(Type.Boolean()) }, closed)),
        ),
        accessProviders: Type.Optional(
          Type.Array(
            Type.Object(
              {
                ...Contribution,
                decides: Type.Array(
                  Type.Union([Type.Literal('connect'), Type.Literal('publish'), Type.Literal('subscribe')]),
                  { uniqueItems: true, minItems: 1 },
                ),
              },
              closed,
            ),
          ),
        ),
        codecs: Type.Optional(Type.Array(Type.Object(Contribution, closed))),
        http: Type.Optional(Type.Array(HttpMount, { maxItems: 10 })),
      },
      closed,
    ),
    needs: Type.Object(
      {
        services: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { uniqueItems: true })),
        connect: Type.Optional(Type.Array(Type.String({ maxLength: 256 }))),
        listen: Type.Optional(Type.Array(Type.String({ maxLength: 256 }))),
        files: Type.Optional(Type.Array(Type.String({ maxLength: 256 }))),
      },
      closed,
    ),
    isolation: Type.Object(
      {
        least: Type.Union([Type.Literal('host'), Type.Literal('worker'), Type.Literal('process')]),
        memoryMb: Type.Optional(Type.Integer({ minimum: 16, maximum: 16_384 })),
      },
      closed,
    ),
    limits: Type.Optional(
      Type.Object(
        {
          startMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
          stopMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
        },
        closed,
      ),
    ),
    docs: RelativePath,
    privileged: Type.Optional(Type.Boolean()),
  },
  { ...closed, $id: 'PluginManifest' },
)
export type PluginManifest = Static<typeof PluginManifest>

/** The states of an instance; see docs/plugins for what leads from one to the next. */
export const InstanceState = Type.Union([
  Type.Literal('installed'),
  Type.Literal('starting'),
  Type.Literal('running'),
  Type.Literal('degraded'),
  Type.Literal('retrying'),
  Type.Literal('needs-config'),
  Type.Literal('failed'),
  Type.Literal('crash-loop'),
  Type.Literal('stopping'),
  Type.Literal('stopped'),
  Type.Literal('stop-failed'),
  Type.Literal('elsewhere'),
])
export type InstanceState = Static<typeof InstanceState>

export const InstanceStatus = Type.Object({
  state: InstanceState,
  code: Type.Optional(Type.String()),
  text: Type.Optional(Type.String({ description: 'What happened, for a person' })),
  since: Time,
  nextTryAt: Type.Optional(Time),
})
export type InstanceStatus = Static<typeof InstanceStatus>

/** PUT body of an instance. Secrets are sent as text, or as `{"set": true}` to keep the stored one. */
export const InstanceBody = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ default: true })),
    order: Type.Optional(Type.Integer({ minimum: 0, description: 'Place among access providers' })),
    select: Type.Optional(Selection),
    delivery: Type.Optional(DeliverySettings),
    config: Type.Record(Type.String(), Type.Unknown()),
  },
  closed,
)
export type InstanceBody = Static<typeof InstanceBody>

export const Instance = Type.Object(
  {
    plugin: PluginId,
    name: Name,
    enabled: Type.Boolean(),
    order: Type.Optional(Type.Integer()),
    select: Type.Optional(Selection),
    delivery: Type.Optional(DeliverySettings),
    config: Type.Record(Type.String(), Type.Unknown({ description: 'Secrets are answered as {"set": true}' })),
    state: InstanceState,
    status: InstanceStatus,
    version: Version,
    lag: Type.Optional(DeliveryStatus.properties.lag),
    sent: Type.Optional(DeliveryStatus.properties.sent),
    refused: Type.Optional(DeliveryStatus.properties.refused),
    lastError: Type.Optional(DeliveryStatus.properties.lastError),
    deliveryStatus: Type.Optional(DeliveryStatus),
    bridge: Type.Optional(BridgeStatus),
    feedStatus: Type.Optional(FeedStatus),
  },
  { $id: 'Instance' },
)
export type Instance = Static<typeof Instance>

/** What a plugin may do: shown before it is approved, and kept as the approval. */
export const PluginPermissions = Type.Object({
  services: Type.Array(Type.String()),
  connect: Type.Array(Type.String()),
  listen: Type.Array(Type.String()),
  files: Type.Array(Type.String()),
  contributes: Type.Array(Type.String(), { description: 'What it takes part in, such as `accessProviders`' }),
  http: Type.Array(Type.String(), { description: 'Prefix, who checks the caller, and the right that is asked' }),
  isolation: Type.String({ description: 'The least isolation it runs in' }),
})
export type PluginPermissions = Static<typeof PluginPermissions>

/** How much stands behind a package. */
export const PluginTier = Type.Union([
  Type.Literal('bundled'),
  Type.Literal('verified'),
  Type.Literal('signed'),
  Type.Literal('unsigned'),
  Type.Literal('linked'),
])
export type PluginTier = Static<typeof PluginTier>

/** One version of an installed plugin. */
export const PluginRelease = Type.Object({
  version: Type.String(),
  sha512: Type.String({ description: 'Of the files, however they were packed' }),
  tier: PluginTier,
  publisher: Type.Optional(Type.String({ description: 'The trusted publisher that signed it' })),
  permissions: PluginPermissions,
  stagedAt: Time,
  approvedAt: Type.Optional(Time),
  approvedBy: Type.Optional(Type.String()),
  host: Type.Optional(Type.Literal(true, { description: 'Approved to run in the platform’s own thread' })),
})
export type PluginRelease = Static<typeof PluginRelease>

/** A package that came in. */
export const StagedPlugin = Type.Object(
  {
    id: PluginId,
    version: Type.String(),
    sha512: Type.String(),
    tier: PluginTier,
    publisher: Type.Optional(Type.String()),
    needs: PluginPermissions,
    wider: Type.Array(Type.String(), { description: 'What it may do and the approved version may not' }),
    approval: Type.Union([Type.Literal('pending'), Type.Literal('given')]),
  },
  { $id: 'StagedPlugin' },
)

export const Plugin = Type.Object(
  {
    id: PluginId,
    version: Type.String(),
    state: Type.Union([Type.Literal('ready'), Type.Literal('refused'), Type.Literal('staged')], {
      description: 'ready: can have instances; refused: see `problem`; staged: waits for its first approval',
    }),
    bundled: Type.Boolean(),
    tier: PluginTier,
    level: Type.Optional(PluginManifest.properties.isolation.properties.least),
    release: Type.Optional(PluginRelease),
    previous: Type.Optional(Type.Object({ version: Type.String(), sha512: Type.String() })),
    staged: Type.Optional(PluginRelease),
    manifest: Type.Optional(Type.Ref('PluginManifest')),
    configSchema: Type.Unknown({ description: 'JSON Schema draft-07 of an instance’s config' }),
    instances: Type.Array(Type.Object({ name: Name, enabled: Type.Boolean(), state: InstanceState })),
    problem: Type.Optional(Type.Object({ code: Type.String(), text: Type.String() })),
    deprecated: Type.Optional(PluginDeprecations),
  },
  { $id: 'Plugin' },
)
