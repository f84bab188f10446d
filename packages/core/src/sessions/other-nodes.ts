import type { Command } from '@patchbay/contracts/command'
import type { Accepted } from '@patchbay/contracts/session'
import { Qos } from '@patchbay/contracts/message'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { toCommand } from '../commands/command-record.ts'
import type { HearPoints, WatchedPoint } from '../ingest/watches.ts'
import type { NodeBus } from '../nodes/port.ts'
import { refuse } from '../errors.ts'
import type { HubEvent } from './hub-event.ts'
import type { HearMessage } from './message-tap.ts'
import type { OtherSubscribers } from './relays.ts'
import { createSubscriptionTree } from './subscription-tree.ts'

const Document = Type.Record(Type.String(), Type.Unknown())
const Filter = Type.Object({ filter: Type.String(), on: Type.Boolean() })
const Watching = Type.Object({ device: Type.String(), on: Type.Boolean() })
const Desired = Type.Object({
  device: Type.String(),
  delta: Type.Record(Type.String(), Type.Unknown()),
  version: Type.Integer(),
})
const Points = Type.Object({
  device: Type.String(),
  points: Type.Array(
    Type.Object({
      key: Type.String(),
      at: Type.Number(),
      value: Type.Union([Type.Number(), Type.Boolean(), Type.String()]),
      json: Type.Boolean(),
    }),
  ),
})
const Passed = Type.Object({
  topic: Type.String(),
  bytes: Type.String(),
  qos: Qos,
  retain: Type.Boolean(),
  from: Type.String(),
  protocol: Type.String(),
})
const Tapped = Type.Object({ ...Passed.properties, device: Type.Optional(Type.String()), refused: Type.Boolean() })
const Sessions = Type.Object({
  principal: Type.Object({
    kind: Type.Union([Type.Literal('device'), Type.Literal('application'), Type.Literal('provisioning')]),
    id: Type.String(),
  }),
  what: Type.Union([Type.Literal('opened'), Type.Literal('ended')]),
  session: Type.Object({ protocol: Type.String(), address: Type.String(), clientId: Type.Optional(Type.String()) }),
})

/** What the hub of this node does for the others. */
export interface OwnHub {
  arrive(message: Accepted): void
  followCommand(command: Command): void
  publishDesired(device: string, desired: { delta: Record<string, unknown>; version: number }): void
  watch(device: string, hear: HearPoints): () => void
  tap(hear: HearMessage): () => void
  hear(event: HubEvent): void
}

/** What the hubs of several nodes tell each other: live subscribers, commands, desired shadows, and what consoles look at. */
export interface OtherNodes {
  readonly subscribers: OtherSubscribers
  desired(device: string, desired: { delta: Record<string, unknown>; version: number }): void
  /** For whoever looks on at another node; a command also goes out there. */
  tell(event: HubEvent): void
  watch(device: string, hear: HearPoints): () => void
  tap(hear: HearMessage): () => void
  follow(hub: OwnHub): void
}

export function createOtherNodes(bus: NodeBus): OtherNodes {
  const tree = createSubscriptionTree<string>()
  /** By node, how often it has each filter. */
  const theirs = new Map<string, Set<string>>()
  const ours = new Map<string, number>()
  const ears = new Map<string, Set<HearPoints>>()
  const taps = new Set<HearMessage>()
  /** Whom this node tells the values of a device, and its messages. */
  const watchedBy = new Map<string, { lives: Set<string>; end: () => void }>()
  const tappedBy = new Set<string>()
  let untap: (() => void) | undefined

  function listen(filter: string, on: boolean, life: string): void {
    const filters = theirs.get(life) ?? new Set()
    theirs.set(life, filters)
    // a leaf of the tree is one object a node: the same text
    if (on) {
      filters.add(filter)
      tree.add(filter, life)
    } else if (filters.delete(filter)) tree.remove(filter, life)
  }

  const toBytes = (message: Omit<Accepted, 'properties'>) => {
    const { topic, bytes, qos, retain, from, protocol } = message
    return { topic, bytes: Buffer.from(bytes).toString('base64'), qos, retain, from, protocol }
  }

  function unwatch(device: string, life: string): void {
    const watched = watchedBy.get(device)
    if (!watched?.lives.delete(life) || watched.lives.size > 0) return
    watched.end()
    watchedBy.delete(device)
  }

  function endTap(life: string): void {
    if (!tappedBy.delete(life) || tappedBy.size > 0) return
    untap?.()
    untap = undefined
  }

  bus.onJoin(() => {
    for (const filter of ours.keys()) bus.tell('listen', { filter, on: true })
    for (const device of ears.keys()) bus.tell('watch', { device, on: true })
    if (taps.size > 0) bus.tell('tap', { on: true })
  })
  bus.onDead((life) => {
    for (const filter of theirs.get(life) ?? []) tree.remove(filter, life)
    theirs.delete(life)
    for (const device of Array.from(watchedBy.keys())) unwatch(device, life)
    endTap(life)
  })
  bus.hear('listen', (body, life) => {
    if (Value.Check(Filter, body)) listen(body.filter, body.on, life)
  })
  bus.hear('points', (body) => {
    if (!Value.Check(Points, body)) return
    const points: readonly WatchedPoint[] = body.points
    for (const hear of ears.get(body.device) ?? []) hear(points)
  })
  bus.hear('tapped', (body) => {
    if (!Value.Check(Tapped, body)) return
    const { refused, bytes, device, ...rest } = body
    const message = { ...rest, device, bytes: Buffer.from(bytes, 'base64') }
    for (const hear of taps) hear(message)?.(refused ? refuse('TOPIC_FORBIDDEN') : undefined)
  })

  return {
    subscribers: {
      get size() {
        return tree.size
      },
      added(filter) {
        const count = ours.get(filter) ?? 0
        ours.set(filter, count + 1)
        if (count === 0) bus.tell('listen', { filter, on: true })
      },
      removed(filter) {
        const count = (ours.get(filter) ?? 0) - 1
        if (count > 0) ours.set(filter, count)
        else if (ours.delete(filter)) bus.tell('listen', { filter, on: false })
      },
      pass(message) {
        if (tree.match(message.topic).length === 0) return undefined
        if (message.qos > 0) return bus.send('message', toBytes(message))
        bus.show('message', toBytes(message))
        return undefined
      },
    },
    desired: (device, { delta, version }) => bus.tell('desired', { device, delta, version }),
    tell(event) {
      if (event.kind === 'command') bus.tell('command', event.command)
      else if (event.kind === 'shadow') bus.show('shadow', event.device)
      else {
        const { principal, what, session } = event
        const { protocol, address, clientId } = session
        bus.show('sessions', {
          principal,
          what,
          session: { protocol, address, ...(clientId === undefined ? {} : { clientId }) },
        })
      }
    },
    watch(device, hear) {
      const own = ears.get(device) ?? new Set()
      ears.set(device, own)
      own.add(hear)
      if (own.size === 1) bus.tell('watch', { device, on: true })
      return () => {
        if (!own.delete(hear) || own.size > 0) return
        ears.delete(device)
        bus.tell('watch', { device, on: false })
      }
    },
    tap(hear) {
      taps.add(hear)
      if (taps.size === 1) bus.tell('tap', { on: true })
      return () => {
        if (taps.delete(hear) && taps.size === 0) bus.tell('tap', { on: false })
      }
    },
    follow(hub) {
      bus.hear('message', (body) => {
        if (Value.Check(Passed, body)) hub.arrive({ ...body, bytes: Buffer.from(body.bytes, 'base64') })
      })
      bus.hear('command', (body) => {
        const command = Value.Check(Document, body) ? toCommand(body) : undefined
        if (!command) return
        hub.followCommand(command)
        hub.hear({ kind: 'command', command })
      })
      bus.hear('desired', (body) => {
        if (Value.Check(Desired, body)) hub.publishDesired(body.device, body)
      })
      bus.hear('shadow', (body) => {
        if (typeof body === 'string') hub.hear({ kind: 'shadow', device: body })
      })
      bus.hear('sessions', (body) => {
        if (!Value.Check(Sessions, body)) return
        const { principal, what, session } = body
        hub.hear({ kind: 'sessions', principal, what, session: { ...session, clientId: session.clientId } })
      })
      bus.hear('watch', (body, life) => {
        if (!Value.Check(Watching, body)) return
        const { device, on } = body
        if (!on) return unwatch(device, life)
        const watched = watchedBy.get(device)
        if (watched) watched.lives.add(life)
        else {
          const end = hub.watch(device, (points) => bus.show('points', { device, points }))
          watchedBy.set(device, { lives: new Set([life]), end })
        }
      })
      bus.hear('tap', (body, life) => {
        if (!Value.Check(Type.Object({ on: Type.Boolean() }), body)) return
        if (!body.on) return endTap(life)
        tappedBy.add(life)
        untap ??= hub.tap(({ device, bytes, topic, qos, retain, from, protocol }) => {
          const copy = { topic, bytes: Buffer.from(bytes).toString('base64'), qos, retain, from, protocol }
          return (refused) =>
            bus.show('tapped', { ...copy, ...(device === undefined ? {} : { device }), refused: refused !== undefined })
        })
      })
    },
  }
}
