import type { Client } from 'aedes'
import { generate } from 'mqtt-packet'
import type { Delivery, Qos } from '@patchbay/sdk'
import { connectionGone, deliveryRefused, packetTooLarge, queueFull } from './errors.ts'
import type { GuardedConnection } from './guarded-connection.ts'

/** Unacknowledged platform messages of one connection, and how many more may wait for one of these places. */
const maxInFlight = 32
const maxWaiting = 1_000

interface Message {
  delivery: Delivery
  qos: Qos
  subscriptionIdentifier: number | undefined
  promise: Promise<void>
  resolve: () => void
  reject: (error: Error) => void
}

/**
 * Sends what the platform itself says (commands, desired shadow) to one client. These messages are the platform's to keep, so they
 * never enter aedes's queues; their packet identifiers come from the connection's own counter.
 */
export class PlatformDeliveries {
  readonly #client: Client
  readonly #guard: GuardedConnection
  readonly #inFlight = new Map<number, Message>()
  readonly #waiting: Message[] = []
  #closed = false

  constructor(client: Client, guard: GuardedConnection) {
    this.#client = client
    this.#guard = guard
  }

  /** Resolves when the client has acknowledged (QoS 1) or the bytes are written (QoS 0). */
  send(delivery: Delivery, granted: Qos, subscriptionIdentifier?: number): Promise<void> {
    if (this.#closed) return Promise.reject(connectionGone())
    // overlapping filters of one client match the same message: it is sent once [MQTT-3.3.5-1]
    const twin = this.#find(delivery)
    if (twin !== undefined) return twin.promise
    if (this.#waiting.length >= maxWaiting) return Promise.reject(queueFull(maxWaiting))
    const qos = delivery.qos === 0 || granted === 0 ? 0 : 1
    const message: Message = { delivery, qos, subscriptionIdentifier, ...Promise.withResolvers<void>() }
    this.#waiting.push(message)
    this.#sendNext()
    return message.promise
  }

  /** True when the identifier was one of the platform's messages. */
  acknowledge(messageId: number, reasonCode: number): boolean {
    const message = this.#inFlight.get(messageId)
    if (message === undefined) return false
    this.#inFlight.delete(messageId)
    if (reasonCode >= 0x80) message.reject(deliveryRefused(reasonCode))
    else message.resolve()
    this.#sendNext()
    return true
  }

  isInUse(messageId: number): boolean {
    return this.#inFlight.has(messageId)
  }

  close(): void {
    this.#closed = true
    for (const message of [...this.#inFlight.values(), ...this.#waiting]) message.reject(connectionGone())
    this.#inFlight.clear()
    this.#waiting.length = 0
  }

  #find(delivery: Delivery): Message | undefined {
    const same = (message: Message) =>
      message.delivery.topic === delivery.topic &&
      (message.delivery === delivery || Buffer.compare(message.delivery.bytes, delivery.bytes) === 0)
    for (const message of this.#inFlight.values()) if (same(message)) return message
    return this.#waiting.find(same)
  }

  #sendNext(): void {
    // [MQTT-3.3.4-9] never more than the client's Receive Maximum
    const places = Math.min(maxInFlight, this.#client.receiveMaximum ?? maxInFlight)
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.qos > 0 && this.#inFlight.size >= places) return
      this.#waiting.shift()
      this.#write(next)
    }
  }

  #write(message: Message): void {
    const { delivery, qos, subscriptionIdentifier } = message
    const version = this.#client.version === 5 ? 5 : 4
    const messageId = qos > 0 ? this.#client.nextMessageId() : undefined
    const bytes = generate(
      {
        cmd: 'publish',
        topic: delivery.topic,
        payload: Buffer.from(delivery.bytes),
        qos,
        retain: false,
        dup: false,
        ...(messageId === undefined ? {} : { messageId }),
        ...(version === 5 && subscriptionIdentifier !== undefined ? { properties: { subscriptionIdentifier } } : {}),
      },
      { protocolVersion: version },
    )
    const limit = this.#client.maximumPacketSize
    if (limit !== undefined && bytes.length > limit) {
      message.reject(packetTooLarge(bytes.length, limit)) // [MQTT-3.1.2-24]
      return
    }
    if (messageId !== undefined) this.#inFlight.set(messageId, message)
    this.#guard.write(bytes, (error) => {
      if (qos > 0) return
      if (error) message.reject(connectionGone())
      else message.resolve()
    })
  }
}
