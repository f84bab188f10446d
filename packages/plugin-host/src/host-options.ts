import type { InstanceStatus, PluginManifest } from '@patchbay/contracts/plugin'
import type { Deprecation, KeyValue, Log, Messages } from '@patchbay/sdk'
import type { Clock } from './clock.ts'
import type { SecretBox } from './config/secrets.ts'
import type { SettingOf } from './configured.ts'
import type { HttpDispatcher } from './http/dispatcher.ts'
import type { InstanceStore } from './instance-store.ts'
import type { BundledPlugin, PackageSource } from './package.ts'
import type { Contribute, CreateServices } from './services.ts'

export interface HostEvent {
  kind: 'status'
  plugin: string
  name: string
  status: InstanceStatus
}

export interface DefaultInstance {
  plugin: string
  name: string
  config: Record<string, unknown>
}

export interface PluginHostOptions {
  /** Of the SDK, unless a test says otherwise. */
  apiVersion?: string
  /** Of the SDK, unless a test says otherwise. */
  deprecations?: readonly Deprecation[]
  bundled: readonly BundledPlugin[]
  /** Packages that an admin has installed; asked for once, when the host starts. */
  installed?(): readonly PackageSource[]
  /** Made, enabled, when the platform sees the plugin for the first time; removed ones do not come back. */
  defaults?: readonly DefaultInstance[]
  instances: InstanceStore
  /** The durable store of an instance's own. The host's own notes are under plugin `host`, an id no plugin can have. */
  values(plugin: string, name: string): KeyValue
  /** Told when an instance is removed for good, so that its values and folder can go. */
  forget?(plugin: string, name: string): Promise<void>
  secrets: SecretBox
  /** Settings of the environment that fields may name (`x-setting`); undefined when not given. */
  settingOf?: SettingOf
  /** Addresses and CIDRs in private or loopback ranges that plugins may call; none by default. */
  privateTargets?: readonly string[]
  /** The service `messages` for the test of a configuration that does not run yet. */
  testMessages?(plugin: string, name: string): Messages
  dataFolder(plugin: string, name: string): string
  log: Log
  clock?: Clock
  random?: () => number
  services: CreateServices
  contribute: Contribute
  dispatcher: HttpDispatcher
  hear?(event: HostEvent): void
  /** Says whether an instance runs in this process, where several share its documents; a text says where else. All do without it. */
  placeOf?(plugin: string, name: string, manifest: PluginManifest): 'here' | { elsewhere: string }
  /** So many deaths of the process in a row while an instance starts, and it is left out until a person restarts it. 1 by default. */
  maxDeathsInStart?: number
  /** How often a worker or process has to answer: 5 s by default. */
  pingMs?: number
}
