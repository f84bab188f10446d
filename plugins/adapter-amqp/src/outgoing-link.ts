import { type Delivery, isCommandTo, type Subscription } from '@patchbay/sdk'
import { refuse } from './errors.ts'
import { writeMessage } from './wire/message.ts'
import { codes } from './wire/performative.ts'
import { binary, boolean, composite, uint } from './wire/writer.ts'
import type { WireSide } from './wire-side.ts'

/** Room in a frame for what is around the payload of a transfer. */
const transferHeadBytes = 64

/** How a client wants deliveries of a link settled. [AMQP 2.8.2] */
export const settleModes = { unsettled: 0, settled: 1, mixed: 2 } as const

export interface Sent {
  resolve(): void
  reject(why: Error): void
}
interface Waiting extends Sent {
  message: Delivery
  settled: boolean
  encoded?: Buffer
  /** How much of it has been sent. */
  offset: number
  id: number
}

/** The part of a channel that its outgoing links share. */
export interface OutgoingSide {
  /** How many frames the peer still takes. */
  window: number
  nextDeliveryId(): number
  /** Waits for the outcome of a delivery. */
  unsettled(id: number, sent: Sent & { link: OutgoingLink }): void
}

export interface OutgoingLink {
  readonly kind: 'outgoing'
  readonly deliveryCount: number
  readonly credit: number
  subscription: Subscription | undefined
  deliver(message: Delivery): void | Promise<void>
  /** The attach was answered: from here on it may send. */
  attached(): void
  /** The client's credit; true when it wants what is left of it taken back. */
  flow(deliveryCount: number, linkCredit: number, drain: boolean): void
  /** Sends what may be sent. */
  process(): void
  /** Takes back the credit that nothing waits for. Answers whether there was any. */
  drain(): boolean
  close(): void
}

export interface OutgoingLinkOptions {
  channel: number
  handle: number
  settleMode: number
  wire: WireSide
  side: OutgoingSide
}

/** A link by which a client receives. Sending waits for its credit, the window of its session and the network. */
export function createOutgoingLink({ channel, handle, settleMode, wire, side }: OutgoingLinkOptions): OutgoingLink {
  const queue: Waiting[] = []
  let credit = 0
  let deliveryCount = 0
  let ready = false
  let closed = false
  let draining = false
  let tags = 0

  /** Sends frames of the first message that waits; true when all of it has gone. */
  function send(waiting: Waiting): boolean {
    if (!waiting.encoded) {
      waiting.encoded = writeMessage(waiting.message.topic, waiting.message.bytes)
      waiting.id = side.nextDeliveryId()
      tags = (tags + 1) >>> 0
    }
    const { encoded } = waiting
    const room = wire.peerFrameBytes - transferHeadBytes
    const tag = Buffer.alloc(4)
    tag.writeUInt32BE(tags)
    while (side.window > 0) {
      const part = encoded.subarray(waiting.offset, waiting.offset + room)
      waiting.offset += part.length
      const more = waiting.offset < encoded.length
      const fields = [uint(handle), uint(waiting.id), binary(tag), uint(0), boolean(waiting.settled), boolean(more)]
      wire.write(channel, [composite(codes.transfer, fields), part])
      side.window--
      if (!more) return true
    }
    return false
  }

  function finish(waiting: Waiting): void {
    queue.shift()
    credit--
    deliveryCount = (deliveryCount + 1) >>> 0
    if (waiting.settled) waiting.resolve()
    else side.unsettled(waiting.id, { resolve: waiting.resolve, reject: waiting.reject, link })
  }

  function gone(command: boolean): undefined {
    if (command) throw refuse('AMQP_CONNECTION_GONE')
    return undefined
  }

  const link: OutgoingLink = {
    kind: 'outgoing',
    get deliveryCount() {
      return deliveryCount
    },
    get credit() {
      return credit
    },
    subscription: undefined,
    deliver(message) {
      const command = isCommandTo(wire.session, message.topic)
      if (closed) return gone(command)
      const settled = settleMode === settleModes.settled || (settleMode === settleModes.mixed && message.qos === 0)
      if (queue.length >= wire.config.maxQueued) {
        // At QoS 0 a copy may be shed; another one would be missed by a client that goes on.
        if (message.qos === 0) return undefined
        wire.cut(refuse('AMQP_READS_TOO_SLOWLY'))
        return gone(command)
      }
      return new Promise((resolve, reject) => {
        // Only of a command does the platform want to know that it was not delivered.
        queue.push({ message, settled, resolve, reject: command ? reject : () => resolve(), offset: 0, id: 0 })
        link.process()
      })
    },
    attached() {
      ready = true
      link.process()
    },
    flow(count, linkCredit, drain) {
      // Serial numbers: what the client counted behind us is on its way.
      credit = Math.max(0, (count + linkCredit - deliveryCount) | 0)
      draining = drain
      link.process()
    },
    process() {
      if (!ready || closed) return
      for (let head = queue[0]; head && credit > 0 && side.window > 0 && !wire.isBacklogged; [head] = queue) {
        if (!send(head)) return
        finish(head)
      }
    },
    drain() {
      if (!draining || queue.length > 0 || credit === 0) return false
      draining = false
      deliveryCount = (deliveryCount + credit) >>> 0
      credit = 0
      return true
    },
    close() {
      if (closed) return
      closed = true
      link.subscription?.close()
      for (const { reject } of queue.splice(0)) reject(refuse('AMQP_CONNECTION_GONE'))
    },
  }
  return link
}
