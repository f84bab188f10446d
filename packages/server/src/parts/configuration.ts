import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Rules } from '@patchbay/core/rules/rules'
import type { PluginHost } from '@patchbay/plugin-host/host'
import type { Log } from '@patchbay/sdk'
import type { Configuration } from '../configuration/configuration.ts'
import type { Followed } from '../configuration/follow.ts'
import { createOwnership, type Ownership } from '../configuration/ownership.ts'
import type { Environment } from '../configuration/placeholders.ts'
import type { Demand } from '../configuration/wanted.ts'
import { createInside, insiderOf } from '../rest/inside.ts'
import type { Settings } from '../settings/settings.ts'
import { SettingsError } from '../settings/settings-error.ts'
import type { Domain } from './domain.ts'

export interface ConfigurationPart {
  ownership: Ownership
  /** Loaded when it is asked for first. */
  configuration(): Promise<Configuration>
  /** Refuses a change of what a file owns, where the path is a plugin's own; false = nothing to say against it. */
  refuses(request: IncomingMessage, response: ServerResponse): boolean
  /** Applies PATCHBAY_CONFIG, if it is set, and follows it. */
  begin(): Promise<void>
  close(): Promise<void>
}

export interface ConfigurationPartOptions {
  settings: Pick<Settings, 'config'>
  env: Environment
  /** Everything that the platform answers over HTTP. */
  listener: RequestListener
  /** The plugins have tried to start. */
  started: () => Promise<unknown>
  plugins: () => PluginHost
  rules: Rules
  alerting: Pick<Domain['alerting'], 'raiseSystem' | 'clearSystem'>
  log: Log
  lookMs?: number
}

/** Reads PATCHBAY_CONFIG before anything is opened: what cannot be read ends the start, like any wrong setting. */
export async function readFirstDemand(path: string | undefined): Promise<Demand | undefined> {
  if (path === undefined) return undefined
  const { ConfigurationFault, readDemand } = await import('../configuration/files.ts')
  try {
    return await readDemand(path)
  } catch (cause) {
    if (!(cause instanceof ConfigurationFault)) throw cause
    const problem = `cannot be used: ${cause.message.replace(/\.$/, '')}`
    throw new SettingsError('PATCHBAY_CONFIG', problem, 'mend it or unset PATCHBAY_CONFIG', { cause })
  }
}

const gatewayList = /^\/(?:apisix\/)?admin\/(?:ssls|upstreams|services|stream_routes)\/?$/

export function createConfigurationPart(
  { settings, env, listener, started, plugins, rules, alerting, log, lookMs }: ConfigurationPartOptions,
  first: Demand | undefined,
): ConfigurationPart {
  const ownership = createOwnership()
  let made: Promise<Configuration> | undefined
  let followed: Followed | undefined
  if (first) ownership.take(first)
  const make = async (): Promise<Configuration> => {
    // Before that only some of the instances are known, and those would be taken for all.
    await started()
    const { createConfiguration } = await import('../configuration/configuration.ts')
    return createConfiguration({ inside: createInside(listener), plugins: plugins(), rules })
  }
  const configuration = (): Promise<Configuration> => (made ??= make())
  return {
    ownership,
    configuration,
    refuses(request, response) {
      if (!first) return false
      const path = (request.url ?? '').split('?', 1)[0] ?? ''
      const method = request.method ?? ''
      if (insiderOf(request)?.ownsFiles || !/^\/(apisix\/)?admin\//.test(path)) return false
      const owner = ownership.ownerOf(method, path)
      // Without an id in the path nobody sees, but in the body, whose thing it would change.
      const hidden = owner === undefined && method !== 'GET' && gatewayList.test(path) && ownership.ownsUnder(path)
      if (owner === undefined && !hidden) return false
      const text =
        owner === undefined ? 'say the id in the path: files own some of these' : `owned by ${owner}, changed there`
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error_msg: text }))
      return true
    },
    async begin() {
      if (settings.config === undefined || !first) return
      const { followFiles } = await import('../configuration/follow.ts')
      followed = followFiles({
        path: settings.config,
        first,
        configuration: await configuration(),
        ownership,
        env,
        alerting,
        log,
        ...(lookMs === undefined ? {} : { lookMs }),
      })
      await followed.begin()
    },
    close: async () => followed?.close(),
  }
}
