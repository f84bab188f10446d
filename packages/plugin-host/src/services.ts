import type { PluginManifest } from '@patchbay/contracts/plugin'
import type {
  AccessProvider,
  AlertChannel,
  Bridge,
  BridgeLink,
  Codec,
  Context,
  Feed,
  Log,
  Sink,
  Source,
} from '@patchbay/sdk'
import type { InstanceSettings } from './instance-store.ts'

/** Who asks for a service. What a service registers for an instance, it registers by `own`, so that it goes with the instance. */
export interface ServiceOwner {
  readonly instance: { readonly plugin: string; readonly name: string }
  readonly manifest: PluginManifest
  /** As the admin has set them. */
  readonly settings: InstanceSettings
  /** Its configuration makes names of the devices' tags: `{tag:site}`. */
  readonly namesTags: boolean
  readonly signal: AbortSignal
  readonly log: Log
  /** The answer gives it up again without releasing it: for what ends by itself, such as a session. */
  own(label: string, release: () => void | Promise<void>): () => void
  /** Says how the service is for this instance: a taken port makes it degraded. */
  health(state: 'ok' | 'degraded', why?: string): void
}

export type Services = Pick<
  Context<unknown>,
  | 'sessions'
  | 'messages'
  | 'door'
  | 'secrets'
  | 'callers'
  | 'audit'
  | 'telemetry'
  | 'metrics'
  | 'preSharedKeys'
  | 'shared'
  | 'match'
  | 'listen'
  | 'matchUdp'
  | 'listenUdp'
> & {
  /** What a bridge of this name publishes by. */
  bridgeLink(name: string, rights: Pick<Bridge, 'in' | 'as' | 'createDevices'>): BridgeLink
  /** What a source of the manifest uses; what is behind it goes with the instance. */
  feed(name: string, source: Source): Feed
}

/** Makes the services of one instance, each time it starts. */
export type CreateServices = (owner: ServiceOwner) => Services

export interface Contributions {
  accessProvider: AccessProvider
  codec: Codec
  alertChannel: AlertChannel
  sink: Sink
  bridge: Bridge
}

/** Joins a contribution to the platform; the answer withdraws it. */
export type Contribute = <K extends keyof Contributions>(
  kind: K,
  name: string,
  implementation: Contributions[K],
  owner: ServiceOwner,
) => () => void | Promise<void>
