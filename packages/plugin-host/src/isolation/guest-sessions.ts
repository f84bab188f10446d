import type {
  Broker,
  Delivery,
  EndReason,
  Peer,
  PublishOptions,
  Session,
  Sessions,
  Settle,
  TakenCommand,
} from '@patchbay/contracts/session'
import { isRefused, Refused } from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { isRecord } from '../config/plain.ts'
import { HostError, toText } from '../errors.ts'
import { type Channel, WithBytes } from './channel.ts'
import type { GuestParts } from './guest-contributions.ts'
import { toRefused } from './publish-window.ts'
import { toWireError } from './wire-error.ts'

const Opened = Type.Object({
  s: Type.Integer(),
  id: Type.String(),
  principal: Type.Object({
    kind: Type.Union([Type.Literal('device'), Type.Literal('application'), Type.Literal('provisioning')]),
    id: Type.String(),
  }),
})
const Decided = Type.Object({ allowed: Type.Boolean(), step: Type.String(), detail: Type.String() })
const Delivered = Type.Object({
  sub: Type.Integer(),
  topic: Type.String(),
  qos: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)]),
  retain: Type.Boolean(),
  properties: Type.Optional(Type.Unknown()),
})
const Commands = Type.Array(
  Type.Object({ id: Type.String(), name: Type.String(), params: Type.Optional(Type.Unknown()) }),
)
const Shadow = Type.Object({ delta: Type.Record(Type.String(), Type.Unknown()), version: Type.Number() })
const Ended = Type.Object({
  s: Type.Integer(),
  why: Type.Union([
    Type.Literal('taken-over'),
    Type.Literal('revoked'),
    Type.Literal('disconnected'),
    Type.Literal('shutdown'),
    Type.Literal('closed'),
  ]),
})

const unreadable = (): never => {
  throw new HostError('PLUGIN_PROTOCOL', 'An answer of the host cannot be read.')
}

const refusedOf = (error: unknown): Refused => {
  if (error instanceof Refused) return error
  return isRefused(error)
    ? new Refused(error.reason, error.code, error.step, error.message)
    : new Refused('unavailable', 'PLUGIN_STOPPED', 'isolation', toText(error))
}

type Deliver = (message: Delivery) => void | Promise<void>

export function createGuestSessions({ channel, publishes, handlers, crashed }: GuestParts): Sessions {
  const endings = new Map<number, (why: EndReason) => void>()
  const delivers = new Map<number, Deliver>()
  let nextKey = 1

  handlers.set('session.ended', (value) => {
    if (!Value.Check(Ended, value)) return unreadable()
    const hear = endings.get(value.s)
    endings.delete(value.s)
    hear?.(value.why)
    return undefined
  })
  handlers.set('deliver', async (value, [bytes]) => {
    if (!Value.Check(Delivered, value)) return unreadable()
    const { sub, topic, qos, retain, properties } = value
    const more = properties === undefined ? {} : { properties }
    await delivers.get(sub)?.({ topic, bytes: bytes ?? new Uint8Array(), qos, retain, ...more })
    return undefined
  })

  const toSession = (s: number, id: string, principal: Session['principal']): Session => {
    const subscriptions = new Set<number>()
    let closed = false
    const publish = (topic: string, bytes: Uint8Array, how?: PublishOptions): Promise<void> =>
      publishes.call('publish', { s, t: topic, h: how }, bytes)
    return {
      id,
      principal,
      publish,
      topic: (name) => ({
        name,
        push(bytes, how, settle: Settle) {
          publishes.call('publish', { s, t: name, h: how }, bytes).then(
            () => settle(undefined),
            (error: unknown) => settle(refusedOf(error)),
          )
        },
      }),
      may() {
        throw new HostError('PLUGIN_LEVEL', 'session.may can be used at host level only; authorize answers everywhere.')
      },
      async authorize(action, topic) {
        const { value } = await channel.call('session.authorize', { s, action, topic })
        return Value.Check(Decided, value) ? value : unreadable()
      },
      async subscribe(filter, deliver, how) {
        const sub = nextKey++
        delivers.set(sub, deliver)
        try {
          await channel.call('session.subscribe', { s, sub, filter, how })
        } catch (error) {
          delivers.delete(sub)
          throw error
        }
        subscriptions.add(sub)
        return {
          filter,
          close() {
            delivers.delete(sub)
            subscriptions.delete(sub)
            channel.cast('session.unsubscribe', { sub })
          },
        }
      },
      async takeCommands({ waitMs, signal }) {
        const key = nextKey++
        const abort = (): void => channel.cast('session.stopTaking', { key })
        signal.addEventListener('abort', abort, { once: true })
        try {
          const { value } = await channel.call('session.takeCommands', { s, waitMs: signal.aborted ? 0 : waitMs, key })
          const taken: readonly TakenCommand[] = Value.Check(Commands, value) ? value : unreadable()
          return taken
        } finally {
          signal.removeEventListener('abort', abort)
        }
      },
      async desiredShadow() {
        const { value } = await channel.call('session.desiredShadow', { s })
        return Value.Check(Shadow, value) ? value : unreadable()
      },
      async provision(given, { contentType } = {}) {
        try {
          const { bytes } = await channel.call('session.provision', { s, contentType }, [given])
          return bytes[0] ?? unreadable()
        } catch (error) {
          throw toRefused(error)
        }
      },
      alive() {
        // What waits says so, too.
        if (!channel.crowded) channel.cast('session.alive', { s })
      },
      onEnd: (hear) => void endings.set(s, hear),
      close() {
        if (closed) return
        closed = true
        endings.delete(s)
        for (const sub of subscriptions) delivers.delete(sub)
        publishes.cast('session.close', { s })
      },
    }
  }

  return {
    async open(peer: Peer) {
      const { value } = await channel.call('sessions.open', peer)
      return Value.Check(Opened, value) ? toSession(value.s, value.id, value.principal) : unreadable()
    },
    refuse: (peer, refusal) =>
      channel.cast('sessions.refuse', { peer, refusal: { ...refusal, refused: toWireError(refusal.refused) } }),
    publishFor: (principal, protocol, topic, bytes, how) =>
      publishes.call('sessions.publishFor', { principal, protocol, topic, how }, bytes),
    relay(name, broker) {
      answerBroker({ channel, handlers }, broker)
      channel.call('sessions.relay', { name }).catch(crashed)
    },
  }
}

function answerBroker({ handlers }: Pick<GuestParts, 'handlers'> & { channel: Channel }, broker: Broker): void {
  // The host made these values from its own types; they came as JSON and are the same here.
  const part = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined)
  const ask = (method: (...given: never[]) => unknown, given: unknown): unknown =>
    Reflect.apply(method, broker, [given])
  handlers.set('broker.deliver', (value, [bytes]) =>
    ask(broker.deliver, { ...Object(value), bytes: bytes ?? new Uint8Array() }),
  )
  handlers.set('broker.retained', async (value) => {
    const found = await broker.retained({
      filter: String(part(value, 'filter')),
      limit: Number(part(value, 'limit')),
      ...(typeof part(value, 'after') === 'string' ? { after: String(part(value, 'after')) } : {}),
    })
    return new WithBytes(
      found.map(({ topic, qos }) => ({ topic, qos })),
      found.map(({ bytes }) => bytes),
    )
  })
  handlers.set('broker.clearRetained', (value) => ask(broker.clearRetained, part(value, 'topic')))
  handlers.set('broker.forget', (value) => ask(broker.forget, part(value, 'device')))
}
