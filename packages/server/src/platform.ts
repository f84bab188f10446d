import type { IncomingMessage, RequestListener } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '@patchbay/core/clock'
import { createCommittedQueue } from '@patchbay/core/rules/committed-queue'
import { createCrashCatcher } from '@patchbay/plugin-host/crash-catcher'
import type { PluginHost } from '@patchbay/plugin-host/host'
import { createHttpDispatcher } from '@patchbay/plugin-host/http/dispatcher'
import type { BundledPlugin } from '@patchbay/plugin-host/package'
import type { Logger } from 'pino'
import { refuseUnfinishedRestore } from './backup/unfinished-restore.ts'
import { createFrontDoor, type FrontDoor } from './front-door/front-door.ts'
import { createHttpServer } from './front-door/http-server.ts'
import { connectionOf } from './front-door/peer-connection.ts'
import { toLog } from './log/log.ts'
import { createMetrics } from './metrics/metrics.ts'
import { measureDeliveries } from './metrics/delivery-metrics.ts'
import { measureFeeds } from './metrics/feed-metrics.ts'
import { measureAlerts } from './metrics/alert-metrics.ts'
import { measureDomain } from './metrics/domain-metrics.ts'
import { measureLive } from './metrics/live-metrics.ts'
import { createDomain, type Domain } from './parts/domain.ts'
import { createBackups } from './parts/backups.ts'
import { createChannels } from './parts/channels.ts'
import { createConfigurationPart, readFirstDemand } from './parts/configuration.ts'
import { createDiagnostics } from './parts/diagnostics.ts'
import { createDeviceLog } from './parts/device-log.ts'
import { createFlows } from './parts/flows.ts'
import { openJobs } from './parts/jobs.ts'
import { createPluginMetrics } from './metrics/plugin-metrics.ts'
import { openAll, type Opened } from './parts/opened.ts'
import { createPluginAudit } from './rest/plugin-audit.ts'
import { createPluginLog } from './parts/plugin-log.ts'
import { createPlugins } from './parts/plugins.ts'
import { refuseUnfinishedCopy } from './copy/unfinished.ts'
import { joinNodes, maxSlots } from './nodes/nodes.ts'
import { createPlacement } from './nodes/placement.ts'
import { refuseOtherKey } from './nodes/same-key.ts'
import { createRoleDoor } from './nodes/role-door.ts'
import { createSharing } from './nodes/sharing.ts'
import { createLive, type Live } from './live/live.ts'
import { createRetention } from './parts/retention.ts'
import { createRulesPart } from './parts/rules.ts'
import { openStores, type Stores } from './parts/stores.ts'
import { createRestApp } from './rest/app.ts'
import { admitCaller } from './rest/auth.ts'
import { toPeer } from './rest/peer.ts'
import type { RestDeps } from './rest/route-deps.ts'
import { routes } from './routes/all.ts'
import { brokerAuthPrefix } from './routes/broker-auth.ts'
import { consolePaths } from './routes/pages.ts'
import { permitsPlain as toPermitsPlain, toAddressMatcher } from './settings/addresses.ts'
import { createConsoleSettings } from './settings/console-settings.ts'
import { loadMasterKey } from './settings/master-key.ts'
import { ensureOwner } from './settings/owner.ts'
import { createSecretBox } from './settings/secret-box.ts'
import { readTrust } from './settings/plugin-trust.ts'
import { readSettings, type Settings } from './settings/settings.ts'
import { toShownUrl } from './settings/shown-url.ts'
import { createDeviceAuthority } from './tls/device-authority.ts'
import { createTlsContexts } from './tls/tls-contexts.ts'

/** What live connections get to end by themselves when the platform stops. */
export const connectionDrainMs = 3000

/** What plugins get to start before the one port listens. */
export const pluginHeadStartMs = 2000

export interface Platform {
  readonly url: string
  readonly domain: Domain
  readonly stores: Stores
  readonly plugins: PluginHost
  readonly frontDoor: FrontDoor
  readonly live: Live
  /** The link's token while there is no owner. */
  readonly setupToken: string | undefined
  /** True = an error that nobody awaited was a plugin's own and is dealt with. */
  caught(error: unknown): boolean
  /** Listeners close, what is in flight is committed. Calling it again answers the same promise. */
  stop(): Promise<void>
}

export interface PlatformOptions {
  settings: Settings
  logger: Logger
  /** What `${NAME}` in the files of PATCHBAY_CONFIG stands for. */
  env?: Readonly<Record<string, string | undefined>>
  /** The last lines of the log, for a diagnostics archive. */
  recentLog?: () => readonly string[]
  /** How often those files are looked at, for tests. */
  configurationLookMs?: number
  clock?: Clock
  /** In place of the bundled plugins, for tests. */
  bundled?: readonly BundledPlugin[]
  /** As in GeneralDeps, for tests. */
  compileAtStart?: boolean
  /** A store's thread died: nothing can be acknowledged any more. */
  onFatal: (error: Error) => void
}

/** Wires everything and listens. Core and REST come up even if every plugin fails. */
export const startPlatform = (options: PlatformOptions): Promise<Platform> =>
  openAll(
    (opened) => start(options, opened),
    (fault) => options.logger.error({ err: fault }, 'what a failed start had opened stays open'),
  )

const start = async (options: PlatformOptions, opened: Opened): Promise<Platform> => {
  const { settings, logger, onFatal } = options
  const log = toLog(logger)
  let plainRule = toPermitsPlain(settings.plain)
  const permitsPlain = (address: string): boolean => plainRule(address)
  refuseUnfinishedRestore(settings.data)
  const demand = await readFirstDemand(settings.config)
  const stores = opened.own(await openStores(settings, onFatal, log, settings.roles))
  const { registry, telemetry, shared } = stores
  const clock = options.clock ?? shared?.clock ?? systemClock
  await refuseUnfinishedCopy(registry)
  const nodes =
    shared?.nodes ??
    (await joinNodes({
      registry,
      clock,
      id: telemetry.writer,
      roles: settings.roles,
      alone: true,
      log,
      onLost: onFatal,
    }))
  if (!shared) opened.own(nodes)
  const secrets = createSecretBox(await loadMasterKey(settings))
  if (shared) {
    await refuseOtherKey(registry, nodes, secrets.keyId).catch(async (error: unknown): Promise<never> => {
      // The others need not wait until this node counts as gone.
      await stores.close()
      throw error
    })
  }
  const authority = createDeviceAuthority({ data: settings.data, box: secrets, clock })
  const commitTap = createCommittedQueue()
  const jobs = await openJobs(settings, log, onFatal)
  opened.add(() => jobs.bus?.close())
  const jobsTaken = opened.add(() => jobs.queue.close())
  const publicUrl = settings.publicUrl === undefined ? {} : { publicUrl: settings.publicUrl }
  const [tls, domain] = await Promise.all([
    createTlsContexts({
      data: settings.data,
      host: settings.host,
      more: settings.tlsNames,
      ...publicUrl,
      ...(settings.tlsCert === undefined || settings.tlsKey === undefined
        ? {}
        : { files: { cert: settings.tlsCert, key: settings.tlsKey } }),
      box: secrets,
      clock,
      log,
    }).then(opened.own),
    createDomain({
      registry,
      telemetry,
      clock,
      permitsPlain,
      sealing: secrets,
      issuer: authority,
      jobs,
      nodes,
      ...(nodes.slot === undefined ? {} : { arrivalSlot: { slot: nodes.slot, of: maxSlots } }),
      bus: jobs.bus,
      commitTap,
      ...publicUrl,
      log,
    }).then((made) => {
      jobsTaken()
      return opened.own(made)
    }),
  ])
  await jobs.bus?.start()
  const parts = { domain, registry, telemetry, clock, log }
  const rules = opened.own(await createRulesPart({ ...parts, queue: commitTap, nodes }))
  const placement = createPlacement({ nodes, host: () => plugins, log })
  const flows = createFlows({ ...parts, settings, placement })
  const { deliveries, bridges, feeds, lagHistory } = flows
  for (const each of [deliveries, bridges, lagHistory]) opened.own(each)
  const retention = opened.own(createRetention({ ...domain, registry, telemetry, clock, hasWork: nodes.hasWork, log }))
  const { people } = domain
  await people.apiKeys.ensureKey(settings.apiKey)
  await ensureOwner(people.setup, settings)

  let ready = false
  let stopping: Promise<void> | undefined
  const trustedProxies = toAddressMatcher(settings.trustedProxies)
  const frontDoor = createFrontDoor({
    host: settings.host,
    tls,
    permitsPlain,
    trustsProxy: trustedProxies,
    onHttp: (socket) => void http.emit('connection', socket),
    clock,
    log,
    recordRefusal: ({ listener, address, code, detail }) =>
      domain.refusals.record({ protocol: listener, address, action: 'connect', step: 'front-door', code, detail }),
  })
  opened.add(() => frontDoor.close(0))
  const peerOf = (socket: Duplex) => {
    const { address = '', encrypted = false } = connectionOf(socket) ?? {}
    return { address, encrypted }
  }
  const consoleSettings = createConsoleSettings({
    settings,
    read: (stored) => readSettings(Object.fromEntries(settings.texts), stored),
    async apply(next, before) {
      if (next.host !== before.host) await frontDoor.move(next.host)
      plainRule = toPermitsPlain(next.plain)
      if (next.host !== before.host || String(next.tlsNames) !== String(before.tlsNames))
        await tls.rename({ host: next.host, more: next.tlsNames, ...publicUrl })
    },
  })
  const pluginMetrics = createPluginMetrics(log)
  const metrics = createMetrics({ more: pluginMetrics.text })
  const deviceLog = createDeviceLog(clock)
  domain.onEvent(deviceLog.hear)
  const pluginLog = createPluginLog(log, clock)
  const configuration = createConfigurationPart(
    {
      settings,
      env: options.env ?? {},
      ...(options.configurationLookMs === undefined ? {} : { lookMs: options.configurationLookMs }),
      listener: (request, response) => answer(request, response),
      started: () => pluginsStarted,
      plugins: () => plugins,
      rules,
      alerting: domain.alerting,
      log,
    },
    demand,
  )
  opened.own(configuration)
  const backups = createBackups({ folder: settings.backups, data: settings.data, env: options.env ?? {}, clock, log })
  const deps: RestDeps = {
    ...domain,
    authority,
    log: logger,
    clock,
    metrics,
    registry,
    telemetry,
    nodes,
    storeState: stores.state,
    redisState: jobs.state,
    commands: domain.hub.commands,
    shadows: domain.hub.shadows,
    rules,
    settings,
    consoleSettings,
    tls,
    permitsPlain,
    ...(options.compileAtStart ? { compileAtStart: true } : {}),
    trustedProxies,
    ...publicUrl,
    peerOf: (request) => peerOf(request.socket),
    listeners: () => frontDoor.listeners(),
    ...flows,
    plugins: () => plugins,
    packages: () => packages,
    pluginRoutes: () => dispatcher.described(),
    pluginLog,
    deviceLog,
    configuration: configuration.configuration,
    backups,
    diagnostics: createDiagnostics({
      settings: consoleSettings.current,
      env: options.env ?? {},
      registry,
      secrets,
      clock,
      listener: (request, response) => answer(request, response),
      recentLog: options.recentLog ?? (() => []),
    }),
    ownerOf: configuration.ownership.ownerOf,
    channels: () => createChannels({ plugins, live: domain.channels }),
    ready: () => {
      if (!ready) return { ready: false, reasons: [stopping ? 'stopping' : 'starting'] }
      return stores.state().state === 'ready'
        ? { ready: true, reasons: [] }
        : { ready: false, reasons: ['MongoDB does not answer'] }
    },
  }
  const authorize = (request: IncomingMessage, permission?: string) => admitCaller(request, deps, permission)
  const dispatcher = createHttpDispatcher({
    authorize,
    connectionOf: (socket, request) => {
      const connection = connectionOf(socket) ?? { socket, address: '', encrypted: false, listener: 'unknown' }
      return { ...connection, socket, ...toPeer({ headers: request.headers, raw: request }, deps) }
    },
    reserved: [
      { prefix: '/api', leaves: ['/api/v1/gateway', '/api/v2/write'] },
      ...['/assets', '/healthz', '/readyz', '/metrics', brokerAuthPrefix].map((prefix) => ({ prefix })),
      ...consolePaths.map((path) => ({ prefix: `/${path}` })),
    ],
    log,
  })
  const { host: plugins, packages } = createPlugins({
    domain,
    telemetry,
    ...flows,
    placement,
    amongNodes: shared !== undefined,
    frontDoor,
    dispatcher,
    registry,
    secrets,
    permitsPlain,
    authorize: async (request, permission) => (await authorize(request, permission)) === 'admitted',
    trustsProxy: deps.trustedProxies,
    audit: createPluginAudit(deps),
    metrics: pluginMetrics,
    settings,
    trust: await readTrust(settings),
    log: pluginLog.log,
    redis: jobs.shared,
    ...(options.bundled ? { bundled: options.bundled } : {}),
  })
  measureDomain(metrics, { domain, frontDoor, rules })
  measureAlerts(metrics, domain.alerting)
  measureDeliveries(metrics, deliveries)
  measureFeeds(metrics, feeds)
  opened.add(() => plugins.stop())
  const app = opened.own(await createRestApp(deps, routes))
  const live = opened.own(createLive({ ...deps, rest: deps, onEvent: domain.onEvent, log }))
  measureLive(metrics, live)
  const refusesRole = createRoleDoor(settings.roles)
  const answer: RequestListener = (request, response) => {
    if (refusesRole(request, response) || configuration.refuses(request, response)) return
    if (!dispatcher.handle(request, response)) app.routing(request, response)
  }
  const http = createHttpServer(answer)
  http.on('upgrade', (request, socket, head) => {
    if (dispatcher.upgrade(request, socket, head) || live.upgrade(request, socket, head)) return
    socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n', () => socket.destroy())
  })

  // Those that start in time are there with the first connection; one that hangs holds nobody else up.
  const pluginsStarted = plugins.start()
  const configured = pluginsStarted.then(configuration.begin)
  configured.catch(onFatal)
  await Promise.race([configured, new Promise<void>((resolve) => clock.after(pluginHeadStartMs, resolve))])
  await frontDoor.listen({ name: 'main', port: settings.port })
  nodes.onWork(domain.alerting.dispatcher.start)
  ready = true
  const { port = settings.port } = frontDoor.listeners().find(({ name }) => name === 'main') ?? {}
  const sharing =
    shared && createSharing({ shared, registry, telemetry, domain, rules, plugins: () => plugins, clock, log })
  nodes.membership.moved(`${settings.host}:${port}`)
  nodes.measure(() => {
    const { sessions, ingest } = domain.hub.stats()
    return { sessions, messages: ingest.messages }
  })

  const stop = async (): Promise<void> => {
    ready = false
    const followed = Promise.all([configuration.close(), backups.close()])
    await domain.alerting.stopDeliveries()
    // Plugins first: adapters say goodbye in their protocol's words while their sockets are still there.
    const closingHttp = new Promise<void>((resolve) => http.close(() => resolve()))
    http.closeIdleConnections()
    await Promise.all([plugins.stop(), live.close()])
    // After the plugins: what is being written to one of them ends with it.
    await followed
    await frontDoor.close(connectionDrainMs)
    http.closeAllConnections()
    await closingHttp
    await app.close()
    await sharing?.close()
    lagHistory.close()
    deliveries.close()
    await retention.close()
    await rules.close()
    await domain.close()
    await bridges.close()
    await jobs.bus?.close()
    tls.close()
    if (!shared) await nodes.close()
    await stores.close()
  }

  return {
    url: toShownUrl(settings, port),
    domain,
    stores,
    plugins,
    frontDoor,
    live,
    setupToken: await people.setup.issue(),
    caught: createCrashCatcher(log),
    stop: () => (stopping ??= stop()),
  }
}
