import { rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Deliveries } from '@patchbay/core/delivery/deliveries'
import type { Feeds } from '@patchbay/core/delivery/feeds'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import { createPluginHost, type PluginHost } from '@patchbay/plugin-host/host'
import type { HttpDispatcher } from '@patchbay/plugin-host/http/dispatcher'
import type { BundledPlugin } from '@patchbay/plugin-host/package'
import { createDropIn } from '@patchbay/plugin-host/packages/drop-in'
import { createInstaller, type Installer } from '@patchbay/plugin-host/packages/installer'
import { createLinks } from '@patchbay/plugin-host/packages/link'
import type { Trust } from '@patchbay/plugin-host/packages/policy'
import type { Contribute, CreateServices } from '@patchbay/plugin-host/services'
import type { AuditTrail, Log, SharedRedis } from '@patchbay/sdk'
import type { FrontDoor } from '../front-door/front-door.ts'
import type { PluginMetrics } from '../metrics/plugin-metrics.ts'
import type { SecretBox } from '../settings/secret-box.ts'
import type { Settings } from '../settings/settings.ts'
import type { Placement } from '../nodes/placement.ts'
import { bundledPlugins, defaultInstances } from './bundled-plugins.ts'
import { guardChannels } from './channels.ts'
import type { Bridges } from './bridges.ts'
import { joinSink } from './deliveries.ts'
import type { Domain } from './domain.ts'
import { joinSource } from './feeds.ts'
import { createPackageDocuments } from './package-documents.ts'
import { createPluginMessages } from './plugin-messages.ts'
import { createListenerHealth } from './listener-health.ts'
import { guardSinks } from './sinks.ts'
import { createTelemetryAccess } from './telemetry-access.ts'
import { createInstanceDocuments, createInstanceValues, forgetInstanceValues } from './instance-documents.ts'

/** A bundled plugin is reviewed code: that the process was killed while it started says nothing against it until it keeps happening. */
const maxDeathsInStart = 3

/** The settings of the environment that a bundled plugin's field may name; none of them is a secret. */
const fieldSettings = new Set([
  'PATCHBAY_MQTT_PORT',
  'PATCHBAY_MQTTS_PORT',
  'PATCHBAY_COAP_PORT',
  'PATCHBAY_COAPS_PORT',
  'PATCHBAY_AMQP_PORT',
  'PATCHBAY_GRPC_PORT',
  'PATCHBAY_OPEN_TOPICS',
  'PATCHBAY_GATEWAY',
  'PATCHBAY_DURABILITY',
])

export interface PluginParts {
  domain: Pick<Domain, 'hub' | 'preSharedKeys' | 'providers' | 'codecs' | 'channels' | 'people' | 'devices'>
  telemetry: TelemetryStore
  deliveries: Deliveries
  bridges: Bridges
  feeds: Feeds
  placement: Placement
  frontDoor: FrontDoor
  dispatcher: HttpDispatcher
  registry: RegistryStore
  secrets: SecretBox
  permitsPlain: (address: string) => boolean
  /** A person's session or an API key comes with the request and has the right. */
  authorize: (request: IncomingMessage, permission: string) => Promise<boolean>
  trustsProxy: (address: string) => boolean
  audit: AuditTrail
  metrics: PluginMetrics
  settings: Settings
  trust: Trust
  log: Log
  redis: SharedRedis | undefined
  /** Other nodes have the same instances. */
  amongNodes?: boolean
  /** In place of the bundled ones, for tests. */
  bundled?: readonly BundledPlugin[]
}

export interface Plugins {
  host: PluginHost
  packages: Installer
}

/** Joins the plugin host, which knows nothing of devices, to the platform. */
export const createPlugins = (parts: PluginParts): Plugins => {
  const { domain, frontDoor, registry, settings } = parts

  const telemetry = createTelemetryAccess({ ...domain, telemetry: parts.telemetry })

  const services: CreateServices = (owner) => {
    const hearListener = createListenerHealth(owner)
    return {
      sessions: {
        open: domain.hub.open,
        refuse: domain.hub.refuse,
        publishFor: domain.hub.publishFor,
        relay(name, broker) {
          owner.own(`relay ${name}`, domain.hub.relay(name, broker))
        },
      },
      messages: createPluginMessages(domain.hub, owner.instance),
      door: { permitsPlain: parts.permitsPlain, trustsProxy: parts.trustsProxy, handOver: frontDoor.handOver },
      secrets: { seal: parts.secrets.seal, open: parts.secrets.open },
      callers: { may: parts.authorize },
      audit: parts.audit,
      telemetry,
      metrics(read) {
        owner.own('metrics', parts.metrics.add(owner.instance.plugin, read))
      },
      shared: parts.redis,
      preSharedKeys: domain.preSharedKeys,
      bridgeLink: (_name, rights) => parts.bridges.link(rights, owner),
      feed: (_name, source) => joinSource(parts, source, owner),
      match(name, first, onConnection) {
        owner.own(`match ${name}`, frontDoor.register(name, first, onConnection))
      },
      listen(options, onConnection) {
        const hear = hearListener(options.name)
        const close = frontDoor.listenOwn(options, onConnection, hear)
        const forget = owner.own(`listen ${options.name}`, close)
        return async () => {
          forget()
          await close()
          hear('off', undefined)
        }
      },
      matchUdp(name, first, onDatagram) {
        owner.own(`match ${name}`, frontDoor.datagrams.register(name, first, onDatagram))
      },
      listenUdp(options, onDatagram) {
        const close = frontDoor.datagrams.listenOwn(options, onDatagram, hearListener(options.name))
        owner.own(`listen ${options.name}`, close)
      },
    }
  }

  const contribute: Contribute = (kind, name, implementation, owner) => {
    const full = `${owner.instance.plugin}/${owner.instance.name}/${name}`
    if (kind === 'accessProvider')
      return domain.providers.add({ name: full, ...implementation }, owner.settings.order ?? 0)
    if (kind === 'bridge' && 'out' in implementation) return parts.bridges.join(name, implementation, owner)
    if ('write' in implementation && !('out' in implementation))
      return joinSink(parts.deliveries, name, implementation, owner)
    if ('deliver' in implementation) {
      const channel = `${owner.instance.plugin}/${owner.instance.name}`
      domain.channels.set(channel, implementation)
      return () => void domain.channels.delete(channel)
    }
    if ('decode' in implementation) domain.codecs.set(name, implementation)
    return () => void domain.codecs.delete(name)
  }

  const folderOf = (plugin: string, name: string): string => join(settings.data, 'plugins', plugin, name)

  const forget = async (plugin: string, name: string): Promise<void> => {
    await forgetInstanceValues(registry, plugin, name)
    await parts.placement.forget(plugin, name)
    await parts.deliveries.forget(`${plugin}/${name}`)
    await parts.bridges.forget(`${plugin}/${name}`)
    await parts.feeds.forget(`${plugin}/${name}`)
    await rm(folderOf(plugin, name), { recursive: true, force: true })
  }
  const instances = createInstanceDocuments(registry, parts.amongNodes === true)
  const bundled = parts.bundled ?? bundledPlugins
  const host = createPluginHost({
    bundled,
    installed: () => packages.sources(),
    defaults: parts.bundled ? [] : defaultInstances,
    instances,
    values: (plugin, name) => createInstanceValues(registry, plugin, name),
    forget,
    secrets: parts.secrets,
    dataFolder: folderOf,
    privateTargets: settings.allowPrivateTargets,
    testMessages: (plugin, name) => createPluginMessages(domain.hub, { plugin, name }),
    log: parts.log,
    services,
    contribute,
    dispatcher: parts.dispatcher,
    placeOf: parts.placement.placeOf,
    settingOf: (name) => (fieldSettings.has(name) ? settings.given.get(name) : undefined),
    maxDeathsInStart,
  })
  const isBundled = (id: string): boolean => host.plugins().some((each) => each.id === id && each.bundled)
  const packages = createInstaller({
    root: join(settings.data, 'plugin-packages'),
    store: createPackageDocuments(registry),
    instances,
    forget,
    trust: parts.trust,
    isBundled,
    exchange: host.exchange,
    log: parts.log,
  })
  const dropIn = createDropIn({ folder: join(settings.data, 'plugins'), stage: packages.stage, log: parts.log })
  const links = createLinks({
    folders: settings.pluginLinks,
    copies: join(settings.data, 'plugin-links'),
    isBundled,
    exchange: host.exchange,
    log: parts.log,
  })
  const guarded = guardSinks(guardChannels(host), async (instance) => {
    await parts.deliveries.rest(instance)
    await parts.bridges.rest(instance)
  })
  let stopped = false
  const start = async (): Promise<void> => {
    // What was cut off by a death is made whole before any instance starts.
    await parts.bridges.restore()
    await packages.begin(guarded.start)
    await parts.bridges.prune((plugin, name) => {
      const found = host.plugins().find(({ id }) => id === plugin)
      return found?.instances.some((each) => each.name === name && each.enabled) ?? false
    })
    try {
      if (!stopped) await links.start()
      if (!stopped) await dropIn.start()
    } catch (error) {
      parts.log.error('the folders of plugins cannot be followed', { err: error })
    }
  }
  const stop = async (): Promise<void> => {
    stopped = true
    await Promise.all([links.stop(), dropIn.stop()])
    await guarded.stop()
  }
  return { host: { ...guarded, start, stop }, packages }
}
