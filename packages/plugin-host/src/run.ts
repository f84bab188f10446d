import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { Context, KeyValue, Log, Plugin } from '@patchbay/sdk'
import type { Clock } from './clock.ts'
import { createContext, type LiveContext } from './context.ts'
import { within } from './deadline.ts'
import { HostError } from './errors.ts'
import type { DescribedRoute } from './http/described-routes.ts'
import type { HttpDispatcher } from './http/dispatcher.ts'
import type { IncomingMessage } from 'node:http'
import { mountsOf } from './http/mounts.ts'
import { type Owner, runOwned } from './owner.ts'
import type { InstanceSettings } from './instance-store.ts'
import { createScope, type ScopeReport } from './scope.ts'
import type { Contribute, CreateServices, ServiceOwner } from './services.ts'

/** What a setup that was told to stop gets to return. */
export const settleMs = 1_000

/** What a run needs of the dispatcher. Where requests do not come by a socket, `arrive` notes who sent them. */
export type RunDispatcher = Pick<HttpDispatcher, 'admitted' | 'mount'> & { arrive?(request: IncomingMessage): void }

export interface RunParts {
  plugin: Plugin
  manifest: PluginManifest
  name: string
  settings: InstanceSettings
  /** Opened and validated. */
  config: unknown
  startMs: number
  clock: Clock
  log: Log
  values: KeyValue
  dataFolder: string
  services: CreateServices
  privateTargets: readonly string[]
  contribute: Contribute
  dispatcher: RunDispatcher
  health(source: 'plugin' | 'service', state: 'ok' | 'degraded', why?: string): void
  /** An error nobody awaited: a turn of `every`, a late rejection, a connection's handler. */
  crashed(error: unknown): void
}

/** One run of an instance, from setup to the last release. */
export interface Run {
  /** Undefined = running; else why not. Never rejects. */
  start(): Promise<{ error: unknown } | undefined>
  /** Ends a start that is under way. */
  fail(error: unknown): void
  /** Says whether the plugin took the configuration while it runs. Never rejects. */
  take(config: unknown): Promise<boolean>
  close(budgetMs: number): Promise<ScopeReport>
}

/** A template of a sink may ask for tags anywhere in the configuration. */
const namesTags = (config: unknown): boolean => (JSON.stringify(config) ?? '').includes('{tag:')

// The plugin's own types made its config; here it is only handed on.
const callSetup = (plugin: Plugin, context: Context<unknown>): unknown => Reflect.apply(plugin.setup, plugin, [context])

export function createRun(parts: RunParts): Run {
  const { plugin, manifest, name, clock, log } = parts
  const owner: Owner = { plugin: manifest.id, name, crashed: (error) => parts.crashed(error) }
  const instance = { plugin: manifest.id, name }
  const scope = createScope({
    clock,
    run: (work) => runOwned(owner, work),
    lateFailed: (label, error) => log.error('something taken while stopping was not released', { label, err: error }),
  })
  const mounts = mountsOf(manifest, name)
  let goingLive = false
  let setup: Promise<unknown> | undefined
  let setupPending = false
  let fail: (error: unknown) => void = () => undefined
  let takeConfig: LiveContext['takeConfig']

  const serviceOwner: ServiceOwner = {
    instance,
    manifest,
    settings: parts.settings,
    namesTags: namesTags(parts.config),
    signal: scope.signal,
    log,
    own: (label, release) => (goingLive ? scope.ownFirst(label, release) : scope.own(label, release)),
    health: (state, why) => parts.health('service', state, why),
  }

  const begin = async (): Promise<void> => {
    const live = createContext({
      manifest,
      name,
      config: parts.config,
      scope,
      owner,
      log,
      values: parts.values,
      dataFolder: parts.dataFolder,
      services: parts.services(serviceOwner),
      serviceOwner,
      privateTargets: parts.privateTargets,
      contribute: parts.contribute,
      mounts,
      health: (state, why) => parts.health('plugin', state, why),
      crashed: (error) => parts.crashed(error),
    })
    setupPending = true
    setup = runOwned(owner, async () => callSetup(plugin, live.context)).finally(() => (setupPending = false))
    await setup
    const { routes, upgrades } = live
    const described: DescribedRoute[] = []
    takeConfig = live.takeConfig
    const app =
      routes.length === 0
        ? undefined
        : await (
            await import('./http/child-app.ts')
          ).createChildApp({
            log,
            owner,
            mounts,
            routes,
            admitted: (request) => parts.dispatcher.admitted(request),
            arrive: (request) => parts.dispatcher.arrive?.(request),
            onDescribed: (route) => void described.push(route),
          })
    if (scope.closing) {
      await app?.close()
      throw new HostError('PLUGIN_STOPPED')
    }
    goingLive = true
    try {
      live.goLive()
      if (app || upgrades.size > 0) {
        // The last to come, so the first to go: requests end while all that they use is still there.
        const withdraw = parts.dispatcher.mount({
          ...instance,
          instance: name,
          mounts,
          owner,
          upgrades,
          described,
          ...(app ? { app } : {}),
        })
        scope.ownFirst('http', withdraw)
      }
    } finally {
      goingLive = false
    }
  }

  return {
    async start() {
      const stopped = new Promise<never>((_resolve, reject) => (fail = reject))
      const outcome = await within(clock, parts.startMs, () => Promise.race([begin(), stopped]))
      if (outcome.kind === 'done') return undefined
      if (outcome.kind === 'failed') return { error: outcome.error }
      return { error: new HostError('PLUGIN_START_TIMEOUT', `setup did not end within ${parts.startMs} ms.`) }
    },
    fail: (error) => fail(error),
    async take(config) {
      const ask = takeConfig
      if (!ask) return false
      const outcome = await within(clock, parts.startMs, () => runOwned(owner, async () => ask(config)))
      if (outcome.kind === 'failed')
        log.warn('the changed configuration was not taken; the instance starts anew', { err: outcome.error })
      return outcome.kind === 'done' && outcome.value
    },
    async close(budgetMs) {
      const startedMs = clock.monotonicMs()
      const report = await scope.close(budgetMs)
      if (!setupPending || setup === undefined) return report
      // The signal is aborted: a good setup returns now.
      const leftMs = Math.max(50, Math.min(settleMs, budgetMs - (clock.monotonicMs() - startedMs)))
      const pending = setup
      const outcome = await within(clock, leftMs, () => pending)
      return outcome.kind === 'late' ? { ...report, left: [...report.left, 'setup'] } : report
    },
  }
}
