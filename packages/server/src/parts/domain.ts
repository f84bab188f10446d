import { randomBytes } from 'node:crypto'
import type { NodeBus } from '@patchbay/core/nodes/port'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import { type AccessRules, createAccessRules } from '@patchbay/core/access/access-rules'
import { createAuthoriser } from '@patchbay/core/access/authoriser'
import type { Authoriser } from '@patchbay/core/access/port'
import { createProviders, type Providers } from '@patchbay/core/access/provider-chain'
import { createRefusalLog, type RefusalLog } from '@patchbay/core/access/refusal-log'
import type { Clock } from '@patchbay/core/clock'
import { createAuthenticator, type DeviceAuthenticator } from '@patchbay/core/devices/authenticator'
import { createDevices, type Devices, maxDevices } from '@patchbay/core/devices/directory'
import type { CertificateIssuer } from '@patchbay/core/devices/device-certificates'
import { createLoginLimiter } from '@patchbay/core/devices/login-limiter'
import type { DeviceEvent } from '@patchbay/core/devices/port'
import { createDeviceTypes, defaultType, type DeviceTypes } from '@patchbay/core/devices/types'
import type { Codec } from '@patchbay/core/ingest/decode'
import type { ArrivalSlot } from '@patchbay/core/ingest/arrival-clock'
import { createPeople, type People } from '@patchbay/core/people/people'
import { assertGrantable } from '@patchbay/core/people/permissions'
import { createPreSharedKeys, type PreSharedKeys, type Sealing } from '@patchbay/core/devices/pre-shared-keys'
import { createKeyStore } from '@patchbay/core/provisioning/key-store'
import { createProvisioner } from '@patchbay/core/provisioning/provisioner'
import {
  createProvisioningKeys,
  provisioningKeyPrefix,
  type ProvisioningKeys,
} from '@patchbay/core/provisioning/provisioning-keys'
import { createPresence, type Presence } from '@patchbay/core/presence/presence'
import { createOtherNodes } from '@patchbay/core/sessions/other-nodes'
import { createSessionHub, type SessionHub } from '@patchbay/core/sessions/hub'
import type { HubEvent } from '@patchbay/core/sessions/hub-event'
import type { CommitTap } from '@patchbay/core/rules/port'
import type { AlertChannel, Log } from '@patchbay/sdk'
import type { Nodes } from '../nodes/nodes.ts'
import { createOneAtATime } from '../nodes/one-at-a-time.ts'
import { type Alerting, createAlerting } from './alerting.ts'
import { followEnds } from '../node-bus/follow-ends.ts'
import { shareDeviceLimiter, sharePersonLimiter } from '../node-bus/shared-limits.ts'
import { createChannelDelivery } from './channel-delivery.ts'
import type { Jobs } from './jobs.ts'
import { createProvisionedCertificates } from './provisioned-certificates.ts'
import { createResendWatch } from './resend-watch.ts'

export interface Domain {
  people: People
  devices: Devices
  types: DeviceTypes
  accessRules: AccessRules
  providers: Providers
  authenticator: DeviceAuthenticator
  authoriser: Authoriser
  refusals: RefusalLog
  presence: Presence
  hub: SessionHub
  preSharedKeys: PreSharedKeys
  provisioningKeys: ProvisioningKeys
  /** Codec plugins by name. */
  codecs: Map<string, Codec>
  /** Alert channels that run, by `plugin/instance`. */
  channels: Map<string, AlertChannel>
  alerting: Alerting
  /** Another node did this: caches, sessions and presence follow. */
  follow(event: DeviceEvent): void
  /** Tells what happens to devices and around their sessions, from now on. */
  onEvent(hear: (event: DeviceEvent | HubEvent) => void): void
  /** Ends sessions, settles what was accepted and writes down what is only in memory. */
  close(): Promise<void>
}

export interface DomainOptions {
  registry: RegistryStore
  telemetry: TelemetryStore
  clock: Clock
  permitsPlain: (address: string) => boolean
  jobs: Jobs
  nodes: Pick<Nodes, 'onWork' | 'hasWork' | 'membership' | 'leases'>
  arrivalSlot?: ArrivalSlot
  publicUrl?: string
  /** Is told of telemetry as it becomes durable. */
  commitTap?: CommitTap
  sealing: Sealing
  issuer: CertificateIssuer
  /** The other nodes; undefined: there are none. */
  bus?: NodeBus | undefined
  log: Log
}

const tidyEveryMs = 3_600_000

/** Joins the parts of core over the stores: each hears of what the others change. */
export const createDomain = async ({
  registry,
  telemetry,
  clock,
  permitsPlain,
  jobs,
  nodes,
  arrivalSlot,
  publicUrl,
  commitTap,
  sealing,
  issuer,
  bus,
  log,
}: DomainOptions): Promise<Domain> => {
  const failed = (error: unknown): void => log.error('something failed in the background; it is tried again', { error })
  // Parts are made before those that hear them; events only flow once all are there.
  const hearers: ((event: DeviceEvent) => unknown)[] = []
  const onlookers: ((event: DeviceEvent | HubEvent) => void)[] = []
  const hearHere = (event: DeviceEvent): void => {
    for (const each of hearers) {
      Promise.resolve(each(event)).catch(failed)
    }
  }
  const hear = (event: DeviceEvent): void => {
    hearHere(event)
    if (event.kind === 'credential-ended') bus?.tell(event.kind, event)
  }
  const common = { registry, clock, randomBytes, hear, sealing, failed }

  const people = createPeople({
    registry,
    clock,
    onError: failed,
    alone: nodes.membership.alone ? undefined : createOneAtATime(nodes.leases, 'audit'),
    shareLimiter: (own) => sharePersonLimiter(own, bus),
  })
  const types = createDeviceTypes(common)
  const devices: Devices = createDevices({ ...common, issuer, types, statusOf: (id) => presence.status(id) })
  const presence: Presence = createPresence({
    ...common,
    ...(nodes.membership.alone
      ? {}
      : {
          nodes: {
            id: nodes.membership.self.id,
            isLive: (id) => nodes.membership.nodes().some((node) => node.id === id && !node.record.gone),
          },
        }),
    heartbeatMs: (id) => devices.heartbeatMs(id),
  })
  const accessRules = createAccessRules(common)
  const providers = createProviders({ clock, changed: () => hear({ kind: 'access-changed' }) })
  const authoriser = createAuthoriser({ rules: accessRules, providers })
  const channels = new Map<string, AlertChannel>()
  const resends = createResendWatch(clock)
  const refusals = createRefusalLog({ registry, clock, failed, heard: resends.hear })
  const limiter = shareDeviceLimiter(createLoginLimiter({ clock }), bus, 'device-refused')
  const hasType = (id: string) => types.find(id) !== undefined
  const keyStore = createKeyStore({ registry, clock, failed, wasMade: (key, id) => devices.isProvisionedBy(id, key) })
  const provisioningKeys = createProvisioningKeys({ registry, clock, store: keyStore, hasType, assertGrantable })
  const provisioningIssuer = createProvisionedCertificates(devices)
  const provisioner = createProvisioner({
    store: keyStore,
    enrol: devices.enrol,
    hasRoom: () => devices.count < maxDevices,
    defaultType,
    hasType,
    clock,
    limiter: shareDeviceLimiter(createLoginLimiter({ clock }), bus, 'claim-refused'),
    audit: people.audit,
    issuer: () => provisioningIssuer,
    onFault: failed,
  })
  const provisioning = { find: (secret: string) => provisioningKeys.find(secret), keyPrefix: provisioningKeyPrefix }
  const findApiKey = (secret: string) => people.apiKeys.find(secret)
  const authenticator = createAuthenticator({
    ...common,
    types,
    findApiKey,
    provisioning,
    permitsPlain,
    providers,
    limiter,
  })
  const codecs = new Map<string, Codec>()
  const hub = createSessionHub({
    registry,
    clock,
    telemetry,
    authenticator,
    authoriser,
    presence,
    refusals,
    randomId: () => randomBytes(9).toString('base64url'),
    codecs: (name) => codecs.get(name),
    async application(id) {
      const key = await people.apiKeys.byId(id)
      return key && { kind: 'application', id, publish: key.publish, subscribe: key.subscribe }
    },
    provision: provisioner.provision,
    hear: (event) => {
      for (const each of onlookers) each(event)
    },
    onFault: failed,
    others: bus && createOtherNodes(bus),
    ...(commitTap ? { commitTap } : {}),
    ...(arrivalSlot ? { arrivalSlot } : {}),
  })
  people.apiKeys.onEnd((id) => {
    hub.endApplication(id)
    bus?.tell('key-ended', id)
  })
  if (bus) followEnds(bus, { credential: hearHere, application: (id) => hub.endApplication(id) })
  provisioningKeys.onEnd((id) => hub.endProvisioning(id))
  // The authenticator first: whoever is ended by the hub must not come back in with what is cached.
  hearers.push(
    (event) => authenticator.follow(event),
    (event) => presence.follow(event),
    (event) => hub.hear(event),
  )

  await Promise.all([types.load(), accessRules.load(), presence.load()])
  await devices.load()
  await keyStore.settleAll()
  await hub.start()
  const alerting = await createAlerting({
    registry,
    clock,
    devices,
    channels: createChannelDelivery(channels, clock),
    jobs,
    nodes,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    failed,
  })
  resends.onResend((device, text) => void alerting.raiseSystem('resend-throttled', device, text).catch(failed))
  hearers.push((event) => (event.kind === 'deleted' ? alerting.alerts.endOf(event.device.id) : undefined))

  let cancelTidy = clock.after(tidyEveryMs, function tidy() {
    if (nodes.hasWork()) people.tidy().catch(failed)
    cancelTidy = clock.after(tidyEveryMs, tidy)
  })

  return {
    people,
    devices,
    types,
    accessRules,
    providers,
    authenticator,
    authoriser,
    refusals,
    presence,
    hub,
    preSharedKeys: createPreSharedKeys({ ...common, limiter }),
    provisioningKeys,
    codecs,
    channels,
    alerting,
    follow: hear,
    onEvent(listener) {
      onlookers.push(listener)
      hearers.push(listener)
    },
    async close() {
      cancelTidy()
      await hub.close()
      await provisioner.drain()
      await alerting.close()
      devices.close()
      await presence.close()
      await refusals.close()
      await people.close()
    },
  }
}
