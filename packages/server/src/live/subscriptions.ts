import { type LiveKind, liveKinds, type LiveSubscribe } from '@patchbay/contracts/live'
import type { Permission } from '@patchbay/contracts/person'
import { type Caller, mayDo } from '@patchbay/core/people/caller'
import { isRefused } from '@patchbay/core/refused'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Delivery, Follower } from './delivery.ts'
import { LiveError } from './errors.ts'
import { inOrder } from './frame.ts'
import type { Item, Source } from './item.ts'
import { liveLimits } from './limits.ts'

export type Sources = Readonly<Record<LiveKind, Source>>

const needed: Readonly<Record<LiveKind, readonly Permission[]>> = {
  devices: ['devices.read', 'telemetry.read'],
  plugins: ['plugins.read'],
  messages: ['messages.read'],
  alerts: ['alerts.read'],
  jobs: ['jobs.read'],
}

/** The permission that the caller lacks for a kind. */
export const missingFor = (kind: LiveKind, caller: Caller): Permission | undefined =>
  needed[kind].find((permission) => !mayDo(caller, permission))

export interface Subscribed {
  name: string
  items: readonly Item[]
  /** The turn that the viewer was told before and can go on from. */
  from: number | undefined
}

/** What one socket follows. */
export interface Subscriptions {
  /** Rejects with LiveError. */
  add(request: LiveSubscribe, caller: () => Caller): Promise<Subscribed>
  remove(name: string): void
  kinds(): Set<LiveKind>
  close(): void
}

export function createSubscriptions(delivery: Delivery, sources: Sources, follower: Follower): Subscriptions {
  const held = new Map<string, { kind: LiveKind; items: readonly Item[] }>()
  let closed = false

  function refollow(): void {
    delivery.follow(
      follower,
      [...held.values()].flatMap(({ items }) => items),
    )
  }

  function drop(name: string): void {
    const subscription = held.get(name)
    if (!subscription) return
    held.delete(name)
    sources[subscription.kind].release(subscription.items)
  }

  /** A cursor holds when all was followed without a gap since. */
  function turnOf(cursor: string | undefined, items: readonly Item[]): number | undefined {
    const turn = cursor === undefined ? undefined : delivery.turnOf(cursor)
    return turn !== undefined && items.every(({ since }) => since <= turn) ? turn : undefined
  }

  return {
    async add({ subscribe, cursor }, caller) {
      const kind = kindOf(subscribe.kind)
      const missing = missingFor(kind, caller())
      if (missing) throw new LiveError('LIVE_FORBIDDEN', `To follow ${kind} you need the permission ${missing}.`)
      // One list of messages a socket: two could not be told apart in a frame.
      const name = kind === 'messages' ? kind : (subscribe.name ?? kind)
      if (!held.has(name) && held.size >= liveLimits.subscriptionsPerSocket) {
        const most = liveLimits.subscriptionsPerSocket
        throw new LiveError('LIVE_SUBSCRIPTIONS_EXCEEDED', `A socket has at most ${most} subscriptions.`)
      }
      const items = inOrder(await acquire(sources[kind], [...new Set(subscribe.ids)]))
      if (closed || missingFor(kind, caller())) {
        sources[kind].release(items)
        throw new LiveError('LIVE_FORBIDDEN', 'The socket is being closed.')
      }
      drop(name)
      held.set(name, { kind, items })
      refollow()
      return { name, items, from: turnOf(cursor, items) }
    },
    remove(name) {
      drop(name)
      refollow()
    },
    kinds: () => new Set([...held.values()].map(({ kind }) => kind)),
    close() {
      closed = true
      for (const name of held.keys()) drop(name)
      refollow()
    },
  }
}

function kindOf(text: string): LiveKind {
  const kind = liveKinds.find((each) => each === text)
  if (kind) return kind
  throw new LiveError('LIVE_KIND_UNKNOWN', `The kinds are: ${liveKinds.join(', ')}.`)
}

async function acquire(source: Source, ids: readonly string[]): Promise<readonly Item[]> {
  try {
    return await source.acquire(ids)
  } catch (cause) {
    if (cause instanceof StoreUnavailable || isRefused(cause)) {
      throw new LiveError('LIVE_UNAVAILABLE', 'The store cannot answer now. Subscribe again in a few seconds.', {
        cause,
      })
    }
    throw cause
  }
}
