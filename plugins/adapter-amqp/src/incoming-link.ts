import { isRefused, type RefusedError } from '@patchbay/sdk'
import type { createDispositions } from './dispositions.ts'
import { amqpRefusals, refuse } from './errors.ts'
import { words } from './refusal-words.ts'
import { accepted, readMessage, rejected, released } from './wire/message.ts'
import type { Fields } from './wire/performative.ts'
import { Violation } from './wire/violation.ts'
import type { WireSide } from './wire-side.ts'

/** What a message may have around its body. */
const maxEnvelopeBytes = 4_096

export interface IncomingLink {
  readonly kind: 'incoming'
  readonly deliveryCount: number
  readonly credit: number
  transfer(fields: Fields, payload: Buffer): void
  close(): void
}

export interface IncomingLinkOptions {
  /** The topic of the target; undefined = each message names its own. */
  address: string | undefined
  wire: WireSide
  dispositions: ReturnType<typeof createDispositions>
  /** Tells the client its credit. */
  sendCredit: () => void
  /** Ends the link. */
  detach: (refused: RefusedError, condition?: string) => void
}

interface Partial {
  id: number
  settled: boolean
  parts: Buffer[]
  bytes: number
  tooLarge: boolean
}

/** A link by which a client publishes. Its credit is what may be on its way to the store. */
export function createIncomingLink(options: IncomingLinkOptions): IncomingLink {
  const { address, wire, dispositions, sendCredit, detach } = options
  const limit = wire.config.credit
  const maxBytes = wire.config.maxMessageKib * 1024
  let credit = limit
  let deliveryCount = 0
  let inFlight = 0
  let current: Partial | undefined
  let closed = false

  function topUp(): void {
    if (closed || wire.isFinishing || credit + inFlight > limit / 2) return
    credit = limit - inFlight
    sendCredit()
  }

  function settle({ id, settled }: Partial, refused: RefusedError | undefined, topic?: string): void {
    if (refused && Object.hasOwn(amqpRefusals, refused.code)) wire.record('publish', refused, topic)
    if (!settled && !closed) dispositions.add(id, toOutcome(refused))
    topUp()
  }

  function take(delivery: Partial): void {
    deliveryCount = (deliveryCount + 1) >>> 0
    credit--
    wire.hold(-delivery.bytes)
    if (delivery.tooLarge) return settle(delivery, refuse('AMQP_MESSAGE_TOO_LARGE'))
    try {
      publish(delivery, delivery.parts.length === 1 ? (delivery.parts[0] ?? empty) : Buffer.concat(delivery.parts))
    } catch (error) {
      settle(delivery, toRefused(error))
    }
  }

  function publish(delivery: Partial, encoded: Buffer): void {
    const { bytes, to, contentType } = readMessage(encoded)
    const topic = address ?? to
    if (topic === undefined) throw refuse('AMQP_NO_TOPIC')
    if (bytes.length > maxBytes) throw refuse('AMQP_MESSAGE_TOO_LARGE')
    inFlight++
    wire.work(1)
    wire.hold(delivery.bytes)
    const how = { qos: delivery.settled ? 0 : 1, ...(contentType === undefined ? {} : { contentType }) } as const
    wire.session.topic(topic).push(bytes, how, (refused) => {
      inFlight--
      wire.hold(-delivery.bytes)
      settle(delivery, refused, topic)
      wire.work(-1)
    })
  }

  return {
    kind: 'incoming',
    get deliveryCount() {
      return deliveryCount
    },
    get credit() {
      return credit
    },
    transfer(fields, payload) {
      if (closed) return
      if (!current) {
        if (credit <= 0) return detach(refuse('AMQP_CREDIT'), 'amqp:link:transfer-limit-exceeded')
        current = { id: fields.mustUint(1), settled: false, parts: [], bytes: 0, tooLarge: false }
      }
      const delivery = current
      if (fields.boolean(4)) delivery.settled = true
      if (delivery.bytes + payload.length <= maxBytes + maxEnvelopeBytes) {
        delivery.parts.push(payload)
        delivery.bytes += payload.length
        wire.hold(payload.length)
      } else {
        // What is too large is not kept; its end is waited for, to answer it.
        delivery.tooLarge = true
        delivery.parts = []
      }
      if (fields.boolean(9)) {
        current = undefined
        deliveryCount = (deliveryCount + 1) >>> 0
        credit--
        wire.hold(-delivery.bytes)
        topUp()
      } else if (!fields.boolean(5)) {
        current = undefined
        take(delivery)
      }
    },
    close() {
      closed = true
      if (current) wire.hold(-current.bytes)
      current = undefined
    },
  }
}

const empty = Buffer.alloc(0)

function toRefused(error: unknown): RefusedError {
  if (isRefused(error)) return error
  if (error instanceof Violation) return refuse('AMQP_BODY', error.message, error)
  throw error
}

function toOutcome(refused: RefusedError | undefined): Buffer {
  if (!refused) return accepted
  const { outcome, condition } = words[refused.reason]
  return outcome === 'released' ? released : rejected(condition, refused.message)
}
