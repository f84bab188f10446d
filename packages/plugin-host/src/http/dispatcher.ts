import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HttpMount } from '@patchbay/contracts/plugin'
import { type Connection, type Log, setPeer } from '@patchbay/sdk'
import type { FastifyInstance } from 'fastify'
import { type Clock, systemClock } from '../clock.ts'
import { HostError } from '../errors.ts'
import { type Owner, runOwned } from '../owner.ts'
import { type Claim, overlaps } from './claim.ts'
import type { DescribedRoute } from './described-routes.ts'
import { toPath, withoutSlash } from './mounts.ts'
import { sendRawProblem } from './problem.ts'
import { refuseUpgrade, toUpgradeRequest, type UpgradeHandler } from './upgrades.ts'

/** What requests under way get to end before their plugin closes; the rest is cut. */
export const drainMs = 4_000
/** What a client is told to wait while a plugin restarts. */
export const retryAfterSeconds = 5
/** No prefix has more segments (its length is limited by the manifest), so that a path of a thousand slashes costs nothing. */
const maxSegments = 52

/** Whether somebody comes in, or why not: nobody is logged in, or who is may not. */
export type Admission = 'admitted' | 'AUTH_REQUIRED' | 'AUTH_FORBIDDEN'

export interface DispatcherOptions {
  /** A person's session or an API key is good for this request, and has the right that the mount names. A throw is a no. */
  authorize(request: IncomingMessage, permission?: string): Promise<Admission>
  /** The connection a request came by; trusted proxies between are seen through. */
  connectionOf(socket: Duplex, request: IncomingMessage): Connection
  /** Prefixes of the platform itself, which no plugin may claim. */
  reserved?: readonly Claim[]
  log: Log
  clock?: Clock
  drainMs?: number
}

/** What one instance answers with. */
export interface Mounted {
  plugin: string
  instance: string
  mounts: readonly HttpMount[]
  owner: Owner
  app?: FastifyInstance
  upgrades: ReadonlyMap<string, UpgradeHandler>
  /** What it says of its routes. */
  described?: readonly DescribedRoute[]
}

export interface HttpDispatcher {
  /** Takes a request of node's HTTP server; false = no path of a plugin. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  /** Takes an upgrade; false = no path of a plugin, or nothing to upgrade to there. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): boolean
  /** Reserves a plugin's prefixes when it is loaded; throws PLUGIN_PREFIX_TAKEN. The answer gives them back. */
  claim(plugin: string, mounts: readonly Claim[]): () => void
  /** The request passed the session check. */
  admitted(request: IncomingMessage): boolean
  /** These mounts answer 503 with Retry-After until the instance is mounted or forgotten. */
  expect(plugin: string, instance: string, mounts: readonly HttpMount[]): void
  /** Puts an instance in the table. The answer takes it out at once, then waits for requests under way, then closes the app. */
  mount(mounted: Mounted): () => Promise<void>
  /** What all plugins that run say of their routes. */
  described(): DescribedRoute[]
  /** Takes what is left of an instance out of the table: its paths are not known any more. */
  forget(plugin: string, instance: string): void
}

interface Target {
  key: string
  mounted?: Mounted
  underWay: Set<ServerResponse>
  drained?: () => void
}

interface Entry {
  auth: HttpMount['auth']
  permission?: string
  target: Target
}

const keyOf = (plugin: string, instance: string): string => `${plugin}/${instance}`

export function createHttpDispatcher(options: DispatcherOptions): HttpDispatcher {
  const clock = options.clock ?? systemClock
  const table = new Map<string, Entry>()
  const claims = new Map<string, Claim & { by: string }>(
    (options.reserved ?? []).map((claim) => [withoutSlash(claim.prefix), { ...claim, by: '' }]),
  )
  const reserved = new Set((options.reserved ?? []).map(({ prefix }) => withoutSlash(prefix)))
  const passed = new WeakSet<IncomingMessage>()

  const find = (path: string): Entry | undefined => {
    if (table.size === 0) return undefined
    let end = 0
    for (let segments = 0; segments <= maxSegments && end !== -1; segments += 1) end = path.indexOf('/', end + 1)
    let rest = end === -1 ? path : path.slice(0, end)
    while (rest !== '') {
      const entry = table.get(rest)
      if (entry) return entry
      if (reserved.has(rest)) return undefined
      rest = rest.slice(0, rest.lastIndexOf('/'))
    }
    return undefined
  }

  const begin = (target: Target, mounted: Mounted, request: IncomingMessage, response: ServerResponse): void => {
    const { app } = mounted
    // Nobody is there to be answered any more, and nothing would say when this request is over.
    if (request.socket.destroyed) return void request.destroy()
    if (!app) return sendRawProblem(response, 'PATH_UNKNOWN')
    target.underWay.add(response)
    const ended = (): void => {
      target.underWay.delete(response)
      if (target.underWay.size === 0) target.drained?.()
    }
    response.once('finish', ended).once('close', ended)
    setPeer(request, options.connectionOf(request.socket, request))
    runOwned(mounted.owner, () => app.routing(request, response))
  }

  /** Asks for the session where the mount wants one; nothing is known of the plugin to who has none. */
  const admit = async (entry: Entry, request: IncomingMessage): Promise<Admission> => {
    if (entry.auth === 'own') return 'admitted'
    try {
      const admission = await options.authorize(request, entry.permission)
      if (admission === 'admitted') passed.add(request)
      return admission
    } catch (error) {
      options.log.error('the session check failed', { err: error })
      return 'AUTH_REQUIRED'
    }
  }

  const put = (target: Target, mounts: readonly HttpMount[]): void => {
    for (const { prefix } of mounts) {
      const other = table.get(withoutSlash(prefix))
      if (other && other.target.key !== target.key)
        throw new HostError('PLUGIN_PREFIX_TAKEN', `${prefix} is answered by ${other.target.key} already.`)
    }
    remove(target.key)
    for (const { prefix, ...asks } of mounts) table.set(withoutSlash(prefix), { ...asks, target })
  }

  const remove = (key: string): void => {
    for (const [prefix, entry] of table) if (entry.target.key === key) table.delete(prefix)
  }

  const drain = async (target: Target, app: FastifyInstance | undefined): Promise<void> => {
    if (target.underWay.size > 0)
      await new Promise<void>((resolve) => {
        const cancel = clock.after(options.drainMs ?? drainMs, resolve)
        target.drained = () => {
          cancel()
          resolve()
        }
      })
    for (const response of target.underWay) response.destroy()
    await app?.close()
  }

  return {
    handle(request, response) {
      const entry = find(toPath(request.url ?? '/'))
      if (!entry) return false
      const answer = (): void => {
        const { target } = entry
        if (target.mounted) begin(target, target.mounted, request, response)
        else sendRawProblem(response, 'PLUGIN_AWAY', retryAfterSeconds)
      }
      if (entry.auth === 'own') answer()
      else
        void admit(entry, request).then((admission) => {
          if (response.destroyed) return
          if (admission === 'admitted') answer()
          else sendRawProblem(response, admission)
        })
      return true
    },

    upgrade(request, socket, head) {
      const path = toPath(request.url ?? '/')
      const entry = find(path)
      if (!entry) return false
      const { target } = entry
      if (target.mounted && !target.mounted.upgrades.has(path)) return false
      // Until the plugin has it, a socket that breaks must not end the process.
      const ignore = (): void => undefined
      socket.on('error', ignore)
      const hand = (): void => {
        const handler = target.mounted?.upgrades.get(path)
        if (!target.mounted || !handler) return refuseUpgrade(socket, 'PLUGIN_AWAY', retryAfterSeconds)
        const connection = options.connectionOf(socket, request)
        const { owner } = target.mounted
        try {
          runOwned(owner, () => handler(toUpgradeRequest(request), connection, head))
        } catch (error) {
          socket.destroy()
          owner.crashed(error)
        }
        socket.off('error', ignore)
      }
      if (entry.auth === 'own') hand()
      else
        void admit(entry, request).then((admission) => {
          if (socket.destroyed) return
          if (admission === 'admitted') hand()
          else refuseUpgrade(socket, admission)
        })
      return true
    },

    claim(plugin, mounts) {
      const wanted = mounts.map((mount) => ({ ...mount, prefix: withoutSlash(mount.prefix), by: plugin }))
      for (const mine of wanted)
        for (const [claimed, other] of claims)
          if (other.by !== plugin && overlaps(mine, { ...other, prefix: claimed }))
            throw new HostError(
              'PLUGIN_PREFIX_TAKEN',
              `${plugin} claims ${mine.prefix}, which overlaps ${claimed} of ${other.by === '' ? 'the platform' : other.by}.`,
            )
      for (const mine of wanted) claims.set(mine.prefix, mine)
      return () => {
        for (const mine of wanted) if (claims.get(mine.prefix) === mine) claims.delete(mine.prefix)
      }
    },

    admitted: (request) => passed.has(request),

    expect(plugin, instance, mounts) {
      put({ key: keyOf(plugin, instance), underWay: new Set() }, mounts)
    },

    mount(mounted) {
      const target: Target = { key: keyOf(mounted.plugin, mounted.instance), mounted, underWay: new Set() }
      put(target, mounted.mounts)
      return () => {
        delete target.mounted
        return drain(target, mounted.app)
      }
    },

    described: () =>
      [...new Set([...table.values()].map(({ target }) => target))].flatMap(({ mounted }) => mounted?.described ?? []),

    forget: (plugin, instance) => remove(keyOf(plugin, instance)),
  }
}
