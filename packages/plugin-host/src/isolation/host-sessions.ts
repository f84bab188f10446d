import type {
  Accepted,
  Broker,
  Delivery,
  PublishOptions,
  Session,
  Sessions,
  Subscription,
} from '@patchbay/contracts/session'
import { isRefused, Refused } from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { HostError } from '../errors.ts'
import { type Channel, type Handler, WithBytes } from './channel.ts'
import { asks } from './asks.ts'
import { fromWireError } from './wire-error.ts'

/** Sessions that one instance holds at once, and subscriptions. */
export const maxSessions = 10_000
const maxSubscriptions = 100_000

const Retaineds = Type.Array(
  Type.Object({ topic: Type.String(), qos: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)]) }),
)

const unreadable = (what: string): never => {
  throw new HostError('PLUGIN_PROTOCOL', `What the plugin asks of ${what} cannot be read.`)
}

/** Undefined properties are left out, so that what core sees is what an adapter in the host would have given. */
const howOf = (how: PublishOptions | undefined): PublishOptions => how ?? {}

/** Sessions of a plugin behind the boundary, by their numbers. */
export interface HostSessions {
  handlers: readonly (readonly [string, Handler])[]
  closeAll(): void
}

export function createHostSessions(sessions: () => Sessions, channel: () => Channel): HostSessions {
  const open = new Map<number, Session>()
  const subscriptions = new Map<number, { subscription: Subscription; s: number }>()
  const takings = new Map<number, AbortController>()
  let nextSession = 1

  const of = (s: number): Session => {
    const found = open.get(s)
    if (!found) throw new Refused('unavailable', 'SESSION_CLOSED', 'isolation', 'The session is closed.')
    return found
  }
  const unsubscribe = (sub: number): void => {
    subscriptions.get(sub)?.subscription.close()
    subscriptions.delete(sub)
  }
  const close = (s: number): void => {
    const session = open.get(s)
    open.delete(s)
    for (const [sub, { s: owner }] of subscriptions) if (owner === s) subscriptions.delete(sub)
    session?.close()
  }
  const deliver =
    (sub: number) =>
    async ({ topic, bytes, qos, retain, properties }: Delivery): Promise<void> => {
      await channel().call('deliver', { sub, topic, qos, retain, properties }, [bytes])
    }

  const handlers: [string, Handler][] = [
    [
      'publish',
      (value, [bytes]) => {
        if (!asks.publish(value) || !bytes) return unreadable('publish')
        return of(value.s).publish(value.t, bytes, howOf(value.h))
      },
    ],
    [
      'session.provision',
      async (value, [bytes]) => {
        if (!asks.provision(value) || !bytes) return unreadable('session.provision')
        const { s, contentType } = value
        return new WithBytes(undefined, [
          await of(s).provision(bytes, contentType === undefined ? {} : { contentType }),
        ])
      },
    ],
    [
      'sessions.open',
      async (value) => {
        if (!asks.open(value)) return unreadable('sessions.open')
        if (open.size >= maxSessions)
          throw new Refused('quota', 'PLUGIN_LIMIT', 'isolation', `The instance has ${maxSessions} sessions already.`)
        const session = await sessions().open(value)
        const s = nextSession++
        open.set(s, session)
        session.onEnd((why) => channel().cast('session.ended', { s, why }))
        return { s, id: session.id, principal: session.principal }
      },
    ],
    [
      'sessions.refuse',
      (value) => {
        if (!asks.refuse(value)) return unreadable('sessions.refuse')
        const refused = fromWireError(value.refusal.refused)
        if (isRefused(refused)) sessions().refuse(value.peer, { ...value.refusal, refused })
        return undefined
      },
    ],
    [
      'sessions.publishFor',
      (value, [bytes]) => {
        if (!asks.publishFor(value) || !bytes) return unreadable('publishFor')
        const { principal, protocol, topic, how } = value
        return sessions().publishFor(principal, protocol, topic, bytes, howOf(how))
      },
    ],
    [
      'sessions.relay',
      (value) => {
        if (!asks.relay(value)) return unreadable('relay')
        return sessions().relay(value.name, toBroker(channel))
      },
    ],
    [
      'session.authorize',
      (value) => (asks.authorize(value) ? of(value.s).authorize(value.action, value.topic) : unreadable('authorize')),
    ],
    [
      'session.subscribe',
      async (value) => {
        if (!asks.subscribe(value)) return unreadable('subscribe')
        const { s, sub, filter, how } = value
        if (subscriptions.has(sub) || subscriptions.size >= maxSubscriptions) return unreadable('subscribe')
        const subscription = await of(s).subscribe(filter, deliver(sub), how)
        subscriptions.set(sub, { subscription, s })
        return undefined
      },
    ],
    ['session.unsubscribe', (value) => (asks.unsubscribe(value) ? unsubscribe(value.sub) : undefined)],
    [
      'session.takeCommands',
      async (value) => {
        if (!asks.takeCommands(value)) return unreadable('takeCommands')
        const abort = new AbortController()
        takings.set(value.key, abort)
        try {
          return await of(value.s).takeCommands({ waitMs: value.waitMs, signal: abort.signal })
        } finally {
          takings.delete(value.key)
        }
      },
    ],
    ['session.stopTaking', (value) => (asks.aborted(value) ? takings.get(value.key)?.abort() : undefined)],
    [
      'session.desiredShadow',
      (value) => (asks.ofSession(value) ? of(value.s).desiredShadow() : unreadable('desiredShadow')),
    ],
    ['session.alive', (value) => (asks.ofSession(value) ? open.get(value.s)?.alive() : undefined)],
    ['session.close', (value) => (asks.ofSession(value) ? close(value.s) : undefined)],
  ]
  return {
    handlers,
    closeAll() {
      for (const abort of takings.values()) abort.abort()
      for (const s of open.keys()) close(s)
    },
  }
}

const toBroker = (channel: () => Channel): Broker => ({
  async deliver({ bytes, ...message }: Accepted) {
    await channel().call('broker.deliver', message, [bytes])
  },
  async retained(query) {
    const { value, bytes } = await channel().call('broker.retained', query)
    if (!Value.Check(Retaineds, value)) return unreadable('retained')
    return value.map(({ topic, qos }, index) => ({ topic, qos, bytes: bytes[index] ?? new Uint8Array() }))
  },
  async clearRetained(topic) {
    return (await channel().call('broker.clearRetained', { topic })).value === true
  },
  async forget(device) {
    await channel().call('broker.forget', { device })
  },
})
