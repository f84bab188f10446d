import type { Kind } from './kinds.ts'
import * as kind from './kinds.ts'

/** One setting. `fallback` is text as one would write it in the environment; without it the setting may be absent. */
export interface Declaration<T, D extends string | undefined = string | undefined> {
  name: string
  read: Kind<T>
  fallback: D
  /** The default for people, where the text of `fallback` does not say it. */
  shown?: string
  description: string
  since: string
}

const withDefault = <T>(
  name: string,
  fallback: string,
  read: Kind<T>,
  description: string,
  shown?: string,
): Declaration<T, string> => ({ name, read, fallback, description, since: '0.1.0', ...(shown ? { shown } : {}) })

const optional = <T>(name: string, read: Kind<T>, description: string, shown = 'none'): Declaration<T, undefined> => ({
  name,
  read,
  fallback: undefined,
  shown,
  description,
  since: '0.1.0',
})

const wellKnown = 'beside the one port; `0` turns it off'

/** Every setting there is: parsing, errors and the table of the documentation are made from this list. */
export const declarations = {
  host: withDefault(
    'PATCHBAY_HOST',
    '127.0.0.1',
    kind.bindAddress,
    'Address that every listener binds; `0.0.0.0` opens it to the network.',
  ),
  port: withDefault(
    'PATCHBAY_PORT',
    '8080',
    kind.port,
    'The one port: console, REST, WebSocket, MQTT, AMQP 1.0 and gRPC, plain or TLS, told apart by their first bytes; CoAP, plain or DTLS, on the same number over UDP; `0` = any free one, printed at start.',
  ),
  plain: withDefault(
    'PATCHBAY_PLAIN',
    'loopback',
    kind.choice('loopback', 'private', 'any'),
    'Which peers may speak without TLS: `loopback`, `private` (RFC 1918, link-local and their IPv6 kin too) or `any`; others are refused and recorded.',
  ),
  data: withDefault(
    'PATCHBAY_DATA',
    './data',
    kind.text,
    'Folder of everything that is kept; nothing is written outside it.',
  ),
  apiKey: optional(
    'PATCHBAY_API_KEY',
    kind.secret(32, 512),
    'Creates, at start, an owner API key with this value (32 characters at least): for compose, CI and scripts.',
  ),
  adminUser: optional(
    'PATCHBAY_ADMIN_USER',
    kind.userName,
    'With `PATCHBAY_ADMIN_PASSWORD`: creates the owner at first start instead of the setup link.',
  ),
  adminPassword: optional(
    'PATCHBAY_ADMIN_PASSWORD',
    kind.secret(8, 256),
    'Password of `PATCHBAY_ADMIN_USER`, 8 characters at least.',
  ),
  publicUrl: optional(
    'PATCHBAY_PUBLIC_URL',
    kind.httpUrl,
    'The address in links and snippets; its host is also named in the self-made certificate.',
  ),
  trustedProxies: withDefault(
    'PATCHBAY_TRUSTED_PROXIES',
    '',
    kind.cidrs,
    'Addresses or CIDRs, with commas between, whose X-Forwarded-* headers and PROXY protocol (1 and 2) are believed.',
    'none',
  ),
  tlsCert: optional(
    'PATCHBAY_TLS_CERT',
    kind.text,
    'PEM file with the certificate chain, used with `PATCHBAY_TLS_KEY` instead of the self-made one; watched, taken again on change.',
    'own CA',
  ),
  tlsKey: optional('PATCHBAY_TLS_KEY', kind.text, 'PEM file with the key of `PATCHBAY_TLS_CERT`.', 'own CA'),
  tlsNames: withDefault(
    'PATCHBAY_TLS_NAMES',
    '',
    kind.hostNames,
    'More names and addresses, with commas between, that the self-made certificate is good for, such as the address of this machine in its network.',
    'none',
  ),
  masterKey: optional(
    'PATCHBAY_MASTER_KEY',
    kind.key32,
    '32 bytes in base64: encrypts secrets at rest.',
    'a file in the data folder',
  ),
  openTopics: withDefault(
    'PATCHBAY_OPEN_TOPICS',
    '',
    kind.topicFilters,
    'Topic filters, with commas between (`#` for all), that anonymous MQTT clients may publish and subscribe: for labs and conformance suites; refused unless `PATCHBAY_HOST` is loopback.',
    'none',
  ),
  allowPrivateTargets: withDefault(
    'PATCHBAY_ALLOW_PRIVATE_TARGETS',
    '',
    kind.cidrs,
    'Addresses or CIDRs in private or loopback ranges that webhooks and HTTP alert channels may call; link-local and metadata addresses stay closed.',
    'none',
  ),
  durability: withDefault(
    'PATCHBAY_DURABILITY',
    'full',
    kind.choice('full', 'relaxed'),
    '`relaxed` = no sync to disk before an acknowledgement; the console says so while it is on.',
  ),
  roles: withDefault(
    'PATCHBAY_ROLES',
    'all',
    kind.roles,
    'What this node does: `front` takes devices in, `worker` evaluates rules and feeds alerts and sinks, `api` serves REST and the console. Fewer than all only with `MONGODB_URL`. See [scale](../scale.md).',
  ),
  pluginPolicy: withDefault(
    'PATCHBAY_PLUGIN_POLICY',
    'any',
    kind.choice('bundled', 'verified', 'signed', 'any'),
    'Which plugins are let in, and still loaded at each start: `bundled` none but those that come with the platform; `verified` also those whose hash is in `PATCHBAY_PLUGIN_VERIFIED`; `signed` also those signed by one of `PATCHBAY_PLUGIN_PUBLISHERS`; `any` all that a person approves. See [install plugins](../plugins/install.md).',
  ),
  pluginPublishers: withDefault(
    'PATCHBAY_PLUGIN_PUBLISHERS',
    '',
    kind.publishers,
    'Trusted publishers of plugins, with commas between: `name=key`, the key being the 32 bytes of an Ed25519 public key in base64.',
    'none',
  ),
  pluginVerified: optional(
    'PATCHBAY_PLUGIN_VERIFIED',
    kind.text,
    'JSON file with the verified packages: `[{"id", "version", "sha512"}]`; read at start.',
  ),
  pluginRegistry: optional(
    'PATCHBAY_PLUGIN_REGISTRY',
    kind.httpUrl,
    'Address of the npm registry that plugins are taken from when they are installed by their name; without it they are uploaded. It is asked only then.',
  ),
  pluginLinks: withDefault(
    'PATCHBAY_PLUGIN_LINKS',
    '',
    kind.paths,
    'For authors: folders of plugins, with commas between, that run as they lie there and again on each change; refused unless `PATCHBAY_HOST` is loopback and the policy is `any`.',
    'none',
  ),
  mqttPort: withDefault('PATCHBAY_MQTT_PORT', '1883', kind.port, `MQTT, plain or TLS, ${wellKnown}.`),
  mqttsPort: withDefault('PATCHBAY_MQTTS_PORT', '8883', kind.port, `MQTT over TLS, ${wellKnown}.`),
  coapPort: withDefault('PATCHBAY_COAP_PORT', '5683', kind.port, `CoAP over UDP ${wellKnown}.`),
  coapsPort: withDefault('PATCHBAY_COAPS_PORT', '5684', kind.port, `CoAP over DTLS ${wellKnown}.`),
  amqpPort: withDefault('PATCHBAY_AMQP_PORT', '5672', kind.port, `AMQP 1.0, plain or TLS, ${wellKnown}.`),
  grpcPort: withDefault('PATCHBAY_GRPC_PORT', '0', kind.port, `gRPC, plain or TLS, ${wellKnown}.`, 'off'),
  config: optional(
    'PATCHBAY_CONFIG',
    kind.text,
    'A YAML file, or a folder of them, that is applied at start and on change: devices, types, rules, channels, plugin instances, gateway routes. See [configuration](../configuration.md).',
  ),
  backups: optional(
    'PATCHBAY_BACKUPS',
    kind.text,
    'Folder, outside the data folder, into which `/api/v1/system/backups` makes backups. See [operate](../operate.md#backup).',
  ),
  backupPassphrase: optional(
    'PATCHBAY_BACKUP_PASSPHRASE',
    kind.secret(16, 1024),
    'Encrypts backups, 16 characters at least; the same is needed to restore one.',
  ),
  gateway: optional(
    'PATCHBAY_GATEWAY',
    kind.text,
    'A folder with the gateway’s standalone files, `config.yaml` and `apisix.yaml`. See [gateway](../gateway.md).',
  ),
  mongodbUrl: optional(
    'MONGODB_URL',
    kind.mongodbUrl,
    'Registry and telemetry in this MongoDB, `mongodb://` or `mongodb+srv://`, user, password and database in the address; unset: in the data folder. See [operate](../operate.md#mongodb).',
    'embedded',
  ),
  redisUrl: optional(
    'REDIS_URL',
    kind.redisUrl,
    'In this Redis jobs run on BullMQ, and nodes share MQTT sessions, retained values and messages; `redis://` or with TLS `rediss://`, user and password in the address; unset: in files. See [Redis](../redis.md).',
    'embedded',
  ),
  redisCa: optional(
    'PATCHBAY_REDIS_CA',
    kind.text,
    'PEM file with the certificates that the certificate of a `rediss://` is checked with.',
    'those of the system',
  ),
} satisfies Record<string, Declaration<unknown>>
