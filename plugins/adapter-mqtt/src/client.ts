import type { Connection, Session } from '@patchbay/sdk'
import { recordRefusal, type Adapter } from './adapter.ts'
import type { BrokerSession } from './broker-session.ts'
import { malformedPacket, packetTooLarge, protocolBroken, readsTooSlowly } from './errors.ts'
import { InboundPublishes } from './inbound-publishes.ts'
import { logIn } from './login.ts'
import type { Alias, Link } from './outbound-entry.ts'
import { PacketStream } from './packet-stream.ts'
import { reasonCodes } from './refusal-words.ts'
import { mayReceive, takeSubscribe, takeUnsubscribe } from './subscribing.ts'
import { readAcknowledgement, readDisconnect, writeDisconnect } from './wire/acknowledgement.ts'
import { ByteReader } from './wire/byte-reader.ts'
import { unacceptableVersion } from './wire/connack.ts'
import { readConnect, readVersion, type Version } from './wire/connect.ts'
import { packetTypes, type Header } from './wire/framing.ts'
import { readSubscribe, readUnsubscribe } from './wire/subscription.ts'
import { malformed, protocolError, Violation } from './wire/violation.ts'

/** Topics that one client is given an alias for, whatever more it allows. */
const maxOutboundAliases = 64
const pingResponse = Buffer.from([0xd0, 0])

/** One connection: what it has said, and what it may be told. */
export class Client implements Link {
  readonly connection: Connection
  readonly stream: PacketStream
  readonly publishes: InboundPublishes
  readonly #adapter: Adapter
  readonly #waitsFor = new Set<'publishes' | 'subscribe'>()
  #isTooSlow = false
  readonly #aliases = new Map<string, number>()
  /** Answers of the authoriser to deliveries, each for a short while. */
  readonly received = new Map<string, { allowed: boolean; untilMs: number }>()
  version: Version = 4
  /** As the client calls itself. */
  clientId = ''
  session: Session | undefined
  /** Logged in without credentials, for the open topics only. */
  anonymous = false
  brokerSession: BrokerSession | undefined
  sessionExpirySeconds = 0
  receiveMaximum = 65_535
  maximumPacketSize = Number.POSITIVE_INFINITY
  topicAliasMaximum = 0
  keepAliveMs = 0
  lastHeardMs = 0
  /** Since the last look at the keep alive: the clock is asked then, not for each packet. */
  wasHeard = false
  wantsReasons = true
  /** It has its CONNACK. */
  connected = false
  closed = false
  readonly #gone = Promise.withResolvers<void>()
  /** It has said goodbye: no will. [MQTT-3.14.4-3] */
  left = false

  constructor(adapter: Adapter, connection: Connection) {
    this.#adapter = adapter
    this.connection = connection
    this.publishes = new InboundPublishes(adapter, this)
    this.stream = new PacketStream(connection.socket, {
      maxPacketBytes: adapter.limits.maxPacketBytes,
      maxLoginBytes: adapter.limits.maxLoginBytes,
      connectTimeoutMs: adapter.limits.connectTimeoutMs,
      onPacket: (bytes, at, header) => this.#take(bytes, at, header),
      onViolation: (violation) => this.#violated(violation),
      onFailure: (error) => {
        adapter.log.error('a client’s packet failed', { clientId: this.clientId, error: String(error) })
        this.end(reasonCodes.unspecified)
      },
      onDrain: () => this.brokerSession?.outbound.pump(),
      onClose: () => this.#closed(),
    })
  }

  /** Resolves when the connection has ended and its session knows. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  get backlogBytes(): number {
    return this.stream.backlogBytes
  }

  send(bytes: Buffer): void {
    this.stream.send(bytes)
  }

  mayReceive(topic: string): boolean {
    return mayReceive(this, topic)
  }

  aliasOf(topic: string): Alias | undefined {
    if (this.topicAliasMaximum === 0) return undefined
    const alias = this.#aliases.get(topic)
    if (alias !== undefined) return { alias, known: true }
    const next = this.#aliases.size + 1
    return next > Math.min(this.topicAliasMaximum, maxOutboundAliases) ? undefined : { alias: next, known: false }
  }

  keepAlias(topic: string, alias: number): void {
    this.#aliases.set(topic, alias)
  }

  tooSlow(topic: string): void {
    if (this.closed || this.#isTooSlow) return
    this.#isTooSlow = true
    recordRefusal(this.#adapter, this, 'receive', readsTooSlowly(), topic)
    // not now: whoever publishes is in the middle of its round of subscribers
    setImmediate(() => this.end(reasonCodes.quota))
  }

  /** Reads nothing more until every reason to wait is gone. */
  wait(reason: 'publishes' | 'subscribe'): void {
    this.#waitsFor.add(reason)
    this.stream.pause()
  }

  goOn(reason: 'publishes' | 'subscribe'): void {
    if (this.#waitsFor.delete(reason) && this.#waitsFor.size === 0) this.stream.resume()
  }

  /** Ends the connection: a v5 client is told why, any other is just closed. [MQTT-3.14.0-1] */
  end(reasonCode?: number): void {
    if (this.closed) return
    if (reasonCode !== undefined && this.version === 5 && this.connected) this.send(writeDisconnect(reasonCode))
    this.stream.close()
  }

  /** [MQTT-3.1.2-24] one and a half times the keep alive without a packet. */
  checkKeepAlive(nowMs: number): void {
    if (this.wasHeard) {
      this.wasHeard = false
      this.lastHeardMs = nowMs
    }
    if (this.keepAliveMs === 0 || nowMs - this.lastHeardMs < this.keepAliveMs * 1.5 || this.#waitsFor.size > 0) return
    this.end(reasonCodes.keepAliveTimeout)
  }

  #take(bytes: Buffer, at: number, header: Header): void {
    this.wasHeard = true
    const { type } = header
    // [MQTT-2.1.3-1] reserved; only MQTT 3.1 marks these as sent again
    if (type !== packetTypes.publish && (header.flags & 8) !== 0 && this.version > 3) throw malformed('Reserved flags')
    if (type === packetTypes.publish) return this.publishes.take(bytes, at, header)
    const body = at + header.headerBytes
    const reader = new ByteReader(bytes, body, body + header.bodyBytes)
    if (type === packetTypes.connect) this.#connect(reader)
    else if (type === packetTypes.subscribe) takeSubscribe(this.#adapter, this, readSubscribe(reader, this.version))
    else if (type === packetTypes.unsubscribe) {
      takeUnsubscribe(this.#adapter, this, readUnsubscribe(reader, this.version))
    } else if (type === packetTypes.pingreq) {
      // [MQTT-3.12.1] PINGREQ has no body
      if (header.bodyBytes > 0) throw malformed('PINGREQ has a body')
      this.session?.alive()
      this.send(pingResponse)
    } else if (type === packetTypes.disconnect) this.#disconnect(reader)
    else this.#acknowledge(reader, type)
  }

  #acknowledge(reader: ByteReader, type: number): void {
    const { messageId, reasonCode } = readAcknowledgement(reader, type, this.version)
    const outbound = this.brokerSession?.outbound
    if (type === packetTypes.puback) outbound?.acknowledge(messageId, reasonCode)
    else if (type === packetTypes.pubrec) outbound?.receive(messageId, reasonCode)
    else if (type === packetTypes.pubcomp) outbound?.complete(messageId)
    else this.publishes.release(messageId)
  }

  #connect(reader: ByteReader): void {
    const version = readVersion(reader)
    if (version === 'unsupported') {
      this.send(unacceptableVersion)
      throw protocolError('This protocol level is not spoken here')
    }
    this.version = version
    void logIn(this.#adapter, this, readConnect(reader, version))
  }

  #disconnect(reader: ByteReader): void {
    const { reasonCode, sessionExpiryInterval } = readDisconnect(reader, this.version)
    if (sessionExpiryInterval !== undefined) {
      if (sessionExpiryInterval > 0 && this.sessionExpirySeconds === 0) {
        throw protocolError('A session that was to end with its connection cannot be kept') // [MQTT 5, 3.14.2.2.2]
      }
      this.sessionExpirySeconds = Math.min(sessionExpiryInterval, this.#adapter.limits.maxSessionExpirySeconds)
    }
    this.left = reasonCode !== reasonCodes.disconnectWithWill && reasonCode < 0x80
    this.stream.close()
  }

  #violated(violation: Violation): void {
    const { reasonCode, message } = violation
    const refused =
      reasonCode === reasonCodes.tooLarge
        ? packetTooLarge(message)
        : reasonCode === reasonCodes.malformed
          ? malformedPacket(message)
          : protocolBroken(message)
    recordRefusal(this.#adapter, this, this.connected ? 'publish' : 'connect', refused)
    this.end(reasonCode)
  }

  #closed(): void {
    this.closed = true
    this.publishes.close()
    const { brokerSession } = this
    this.#adapter.clients.delete(this)
    for (const subscription of brokerSession?.subscriptions.values() ?? []) {
      if (brokerSession?.client !== this) break
      subscription.platform?.close()
      subscription.platform = undefined
    }
    this.session?.close()
    if (brokerSession !== undefined) this.#leave(brokerSession)
    this.#gone.resolve()
  }

  #leave(brokerSession: BrokerSession): void {
    const { router, store, wills, log } = this.#adapter
    const isCurrent = brokerSession.client === this
    wills.connectionEnded(this, brokerSession.name)
    if (!isCurrent) return
    brokerSession.client = undefined
    brokerSession.outbound.detach()
    if (this.#adapter.stopping) return
    if (this.sessionExpirySeconds > 0) store.sessions.left(brokerSession.name, this.sessionExpirySeconds, Date.now())
    else router.end(brokerSession).catch((error: unknown) => log.warn('a session stays', { error: String(error) }))
  }
}
