import type { IPublishPacket, Packet } from 'mqtt-packet'
import { createAllowance } from './allowance.ts'
import { toReasonText, type Wire } from './wire.ts'

/** What became of a message at the broker. */
export type Outcome = { readonly kind: 'taken' } | { readonly kind: 'refused' | 'later'; readonly reply: string }

/** A message as it goes over the wire. */
export type Outgoing = Pick<IPublishPacket, 'topic' | 'payload' | 'qos' | 'retain' | 'properties'>

interface Entry {
  readonly id: string
  readonly message: Outgoing
  readonly settled: PromiseWithResolvers<Outcome>
  /** 0 while it has not been sent. */
  packetId: number
  /** [MQTT-4.3.3-4] after PUBREC only the PUBREL is sent again. */
  released: boolean
}

/** Messages on their way out. It outlives connections, so that what was under way is sent again as the same message. */
export interface Outbox {
  /** The same id again is the same message: nothing is sent twice that is still under way. */
  publish(id: string, message: Outgoing): Promise<Outcome>
  /** A connection is there. `resumed`: the broker knows what was under way. */
  attach(wire: Wire, resumed: boolean): void
  detach(): void
  hear(packet: Packet): void
  /** What nobody waits for any more and was not sent is forgotten. */
  forget(ids: Iterable<string>): void
  readonly underWay: number
}

/**
 * Of its 65,535 packet ids a run uses one part: a message of QoS 2 that a run before this one left at the broker without its PUBREL must not be
 * taken for one of this run.
 */
const partitions = 15
const partitionIds = 4096
/** Ours; the broker's Receive Maximum may be smaller. */
const window = 256
export interface OutboxOptions {
  readonly publishesPerSecond?: number | undefined
  /** The number of this run. */
  readonly run?: number | undefined
}

const taken: Outcome = { kind: 'taken' }
/** What passes: busy, not ready, over quota. */
const passing: ReadonlySet<number> = new Set([0x88, 0x89, 0x97])

export function createOutbox({ publishesPerSecond = Number.POSITIVE_INFINITY, run = 0 }: OutboxOptions = {}): Outbox {
  const firstId = (run % partitions) * partitionIds + 1
  const allowance = createAllowance(publishesPerSecond)
  let paused: ReturnType<typeof setTimeout> | undefined
  const entries = new Map<string, Entry>()
  const sent = new Map<number, Entry>()
  let waiting: Entry[] = []
  let wire: Wire | undefined
  let most = window
  let lastId = 0

  const nextId = (): number => {
    do lastId = (lastId + 1) % partitionIds
    while (sent.has(firstId + lastId))
    return firstId + lastId
  }
  const settle = (entry: Entry, outcome: Outcome): void => {
    entries.delete(entry.id)
    sent.delete(entry.packetId)
    entry.settled.resolve(outcome)
  }
  const send = (to: Wire, entry: Entry, dup: boolean): void => {
    const { message, packetId } = entry
    if (entry.released) return to.send({ cmd: 'pubrel', messageId: packetId })
    const packet: IPublishPacket = { cmd: 'publish', dup, ...message }
    if (message.qos > 0) return to.send({ ...packet, messageId: packetId })
    to.send(packet, () => settle(entry, taken))
  }
  const pump = (): void => {
    const to = wire
    if (!to || waiting.length === 0 || paused) return
    to.together(() => {
      let count = 0
      for (const entry of waiting) {
        if (sent.size >= most) break
        const waitMs = allowance.take()
        if (waitMs > 0) {
          paused = setTimeout(goOn, waitMs)
          break
        }
        count += 1
        if (entry.message.qos > 0) {
          entry.packetId = nextId()
          sent.set(entry.packetId, entry)
        }
        send(to, entry, false)
      }
      waiting = waiting.slice(count)
    })
  }
  const goOn = (): void => {
    paused = undefined
    pump()
  }
  const answered = (messageId: number | undefined): Entry | undefined => sent.get(messageId ?? 0)
  const outcomeOf = (code: number, said: string | undefined): Outcome =>
    code < 0x80
      ? taken
      : { kind: passing.has(code) ? 'later' : 'refused', reply: `The broker answered ${toReasonText(code, said)}` }

  return {
    get underWay() {
      return sent.size
    },
    publish(id, message) {
      const known = entries.get(id)
      if (known) return known.settled.promise
      const entry: Entry = { id, message, settled: Promise.withResolvers(), packetId: 0, released: false }
      entries.set(id, entry)
      waiting.push(entry)
      // One turn later, so that a batch goes together.
      if (waiting.length === 1) queueMicrotask(pump)
      return entry.settled.promise
    },
    attach(next, resumed) {
      wire = next
      most = Math.min(window, next.connack.properties?.receiveMaximum ?? window)
      const again = [...sent.values()]
      if (!resumed) {
        // The broker has forgotten: all of it is new to it, and goes before what came later.
        sent.clear()
        for (const entry of again) Object.assign(entry, { packetId: 0, released: false })
        waiting = [...again, ...waiting]
      } else if (again.length > 0) next.together(() => again.forEach((entry) => send(next, entry, true)))
      pump()
    },
    detach() {
      wire = undefined
      clearTimeout(paused)
      paused = undefined
      // QoS 0 is written once; what was not written is written to the next connection.
    },
    hear(packet) {
      if (packet.cmd === 'puback') {
        const entry = answered(packet.messageId)
        if (entry) settle(entry, outcomeOf(packet.reasonCode ?? 0, packet.properties?.reasonString))
      } else if (packet.cmd === 'pubrec') {
        const entry = answered(packet.messageId)
        const code = packet.reasonCode ?? 0
        if (entry && code >= 0x80) settle(entry, outcomeOf(code, packet.properties?.reasonString))
        else {
          if (entry) entry.released = true
          wire?.send({ cmd: 'pubrel', ...(packet.messageId === undefined ? {} : { messageId: packet.messageId }) })
          return
        }
      } else if (packet.cmd === 'pubcomp') {
        const entry = answered(packet.messageId)
        if (entry) settle(entry, taken)
      } else return
      pump()
    },
    forget(ids) {
      const gone = new Set<Entry>()
      for (const id of ids) {
        const entry = entries.get(id)
        if (!entry || entry.packetId !== 0) continue
        entries.delete(id)
        gone.add(entry)
      }
      if (gone.size > 0) waiting = waiting.filter((entry) => !gone.has(entry))
    },
  }
}
