import type { BridgeLink, Context } from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { systemClock } from '../clock.ts'
import { within } from '../deadline.ts'
import { HostError } from '../errors.ts'
import { mountOf, mountsOf, withoutSlash } from '../http/mounts.ts'
import { currentOwner } from '../owner.ts'
import { releaseMs } from '../scope.ts'
import { type Channel, type Handler, WithBytes } from './channel.ts'
import { type Guest, type IsolatedPackage, openGuest } from './guest-client.ts'
import { contributeHandler } from './host-contributions.ts'
import { createHostConnections } from './host-connections.ts'
import { createHostFeed } from './host-feed.ts'
import { carryHttp } from './host-http.ts'
import { createHostSessions } from './host-sessions.ts'
import { asks } from './asks.ts'
import { fromWireError } from './wire-error.ts'

/** Of the time that a stop may take, the part that the plugin's own releases get before its worker or process is ended. */
const ownPart = 0.6
const defaultStopMs = 15_000

const Report = Type.Object({
  failures: Type.Array(Type.Object({ label: Type.String(), text: Type.String() })),
  left: Type.Array(Type.String()),
})

const unreadable = (what: string): never => {
  throw new HostError('PLUGIN_PROTOCOL', `What the plugin asks of ${what} cannot be read.`)
}

/** What a plugin behind the boundary may ask of its context: each call goes through the same checks as at host level. */
const contextHandlers = (ctx: Context<unknown>): [string, Handler][] => [
  [
    'messages.publish',
    (value, [bytes]) =>
      asks.message(value) && bytes ? ctx.messages.publish(value.topic, bytes, value.how) : unreadable('messages'),
  ],
  ['store.get', (value) => (asks.key(value) ? ctx.store.get(value.key) : unreadable('store'))],
  ['store.set', (value) => (asks.keyValue(value) ? ctx.store.set(value.key, value.value) : unreadable('store'))],
  ['store.delete', (value) => (asks.key(value) ? ctx.store.delete(value.key) : unreadable('store'))],
  ['health', (value) => (asks.health(value) ? ctx.health(value.state, value.why) : unreadable('health'))],
]

/**
 * The setup of a plugin behind the boundary: opens its worker or process, starts it there, and stands for it here. Whatever it takes through
 * its context is taken through this one, so that the instance's scope owns it all the same.
 */
export async function setupIsolated(of: IsolatedPackage, ctx: Context<unknown>): Promise<void> {
  const { manifest } = of
  const clock = of.clock ?? systemClock
  const crashed = currentOwner()?.crashed ?? (() => undefined)
  const mounts = mountsOf(manifest, ctx.instance.name)
  const writable = manifest.needs.files?.includes('data') ? [`${await ctx.dataFolder()}/`] : []

  const channel = (): Channel => guest.channel
  const sessions = createHostSessions(() => ctx.sessions, channel)
  const connections = createHostConnections(ctx, channel)
  const links = new Map<string, BridgeLink>()
  const guest: Guest = openGuest(
    of,
    new Map<string, Handler>([
      ...contextHandlers(ctx),
      ...sessions.handlers,
      ...connections.handlers,
      ...createHostFeed(ctx, channel),
      ['contribute', contributeHandler(ctx, channel, (name, link) => links.set(name, link))],
      [
        'bridge.publish',
        (value, [bytes]) => {
          if (!asks.bridged(value) || !bytes) return unreadable('bridge')
          const link = links.get(value.name)
          if (!link) throw new HostError('PLUGIN_STOPPED', `The bridge ${value.name} is not there.`)
          return link.publish(value.topic, bytes, value.how)
        },
      ],
      ['crashed', (value) => crashed(fromWireError(value))],
      ['deprecated', (value) => of.deprecated?.used(String(value))],
      [
        'http',
        () =>
          ctx.http(
            carryHttp(
              mounts,
              ({ routeOptions }) =>
                mountOf(mounts, withoutSlash((routeOptions.url ?? '').replace(/\*$/, '')))?.auth === 'session',
              channel,
            ),
          ),
      ],
      [
        'preSharedKeys',
        async (value) => {
          if (!asks.preSharedKeys(value)) return unreadable('preSharedKeys')
          return new WithBytes(undefined, await ctx.preSharedKeys(value.device, value.address))
        },
      ],
    ]),
    { log: ctx.log, writable },
  )
  void guest.broken.then(crashed)

  const closeMs = Math.min(releaseMs * 0.8, (manifest.limits?.stopMs ?? defaultStopMs) * ownPart)
  const close = async (): Promise<void> => {
    const outcome = await within(clock, closeMs, () => guest.channel.call('close', { budgetMs: closeMs * 0.8 }))
    connections.closeAll()
    sessions.closeAll()
    await guest.end()
    const report = outcome.kind === 'done' ? outcome.value.value : undefined
    if (outcome.kind === 'late') ctx.log.warn('it did not stop by itself and was ended')
    if (!Value.Check(Report, report)) return
    if (report.left.length > 0)
      ctx.log.warn('what it did not release ended with its worker or process', { left: report.left })
    if (report.failures.length > 0)
      throw new HostError(
        'PLUGIN_STOP_FAILED',
        report.failures.map(({ label, text }) => `${label}: ${text}`).join('; '),
      )
  }
  let closed: Promise<void> | undefined
  const closeOnce = (): Promise<void> => (closed ??= close())
  // Its signal is aborted at once, as it would be at host level; the release waits for what comes of it.
  ctx.signal.addEventListener('abort', () => void closeOnce().catch(() => undefined), { once: true })
  ctx.own(of.level, closeOnce)

  await guest.load()
  await guest.channel.call('start', {
    manifest,
    name: ctx.instance.name,
    config: ctx.config,
    dataFolder: writable[0] ?? '',
    privateTargets: ctx.privateTargets,
    deprecated: of.deprecated?.members ?? [],
  })
}
