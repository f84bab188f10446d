import { connect, type Socket } from 'node:net'
import type { Kind } from './orders.ts'
import { AnswerReader, disconnect, type Login, type Publish, toConnect, toPublish } from './wire.ts'

/** Published and not acknowledged yet, for one client; a power of two. */
const maxInFlight = 64
/** Bytes in our own memory that the kernel did not take: the server is behind. */
const maxBacklogBytes = 16 * 1024
const keepAliveSeconds = 600
const connectTimeoutMs = 20_000
const variants = 4
const packetTypes = { connack: 2, puback: 4 } as const

/** What is read is looked at before the next read, so that all sockets share it. */
const readBuffer = Buffer.alloc(64 * 1024)

/** One device on a raw socket: a send is one copy of some 60 bytes and one write. */
export class LoadClient {
  readonly login: Login
  lost = false
  private readonly socket: Socket
  private readonly reader = new AnswerReader()
  private readonly sentAt = new Float64Array(maxInFlight)
  private nextId = 0
  private acked = 0
  private turn = 0
  private publishes: Publish[] = []
  private qos: 0 | 1 = 0
  private connacked: ((code: number) => void) | undefined
  private readonly onAck: (micros: number) => void

  private constructor(host: string, port: number, login: Login, onAck: (micros: number) => void) {
    this.login = login
    this.onAck = onAck
    const seen = this.seen.bind(this)
    const callback = (bytes: number, buffer: Uint8Array): boolean => {
      this.reader.read(buffer, bytes, seen)
      return true
    }
    this.socket = connect({ host, port, noDelay: true, onread: { buffer: readBuffer, callback } })
    this.socket.on('error', () => undefined) // `close` follows and counts it
    this.socket.once('close', () => {
      this.lost = true
      this.connacked?.(-1)
    })
  }

  /** Resolves when the server has let it in. */
  static async open(host: string, port: number, login: Login, onAck: (micros: number) => void): Promise<LoadClient> {
    const client = new LoadClient(host, port, login, onAck)
    const { promise, resolve } = Promise.withResolvers<number>()
    const late = setTimeout(() => client.socket.destroy(), connectTimeoutMs)
    client.connacked = resolve
    client.socket.write(toConnect(login, keepAliveSeconds))
    const code = await promise
    clearTimeout(late)
    client.connacked = undefined
    if (code !== 0) {
      throw new Error(`${login.id} was not let in: ${code < 0 ? 'the connection was closed' : `CONNACK ${code}`}`)
    }
    return client
  }

  get unanswered(): number {
    return this.qos === 1 && !this.lost ? this.nextId - this.acked : 0
  }

  prepare(kind: Kind, qos: 0 | 1): void {
    this.qos = qos
    const { id } = this.login
    this.publishes = Array.from({ length: variants }, (_, i) => {
      const value = (20 + ((i * 7 + id.length) % 100) / 10 + i / 100).toFixed(2)
      return kind === 'plain'
        ? toPublish(`sensors/${id}/temperature`, value, qos)
        : toPublish(`devices/${id}/telemetry`, `{"temperature":${value},"humidity":${40 + i}.5}`, qos)
    })
  }

  /** False when the server takes no more from this client now. */
  send(nowMicros: number): boolean {
    if (this.lost || this.socket.writableLength > maxBacklogBytes) return false
    const publish = this.publishes[this.turn++ % variants]
    if (publish === undefined) return false
    if (this.qos === 0) {
      this.socket.write(publish.bytes)
      return true
    }
    if (this.nextId - this.acked >= maxInFlight) return false
    this.sentAt[this.nextId % maxInFlight] = nowMicros
    const bytes = Buffer.from(publish.bytes)
    bytes.writeUInt16BE((this.nextId++ % 65_535) + 1, publish.idAt)
    this.socket.write(bytes)
    return true
  }

  close(): void {
    if (!this.lost) this.socket.end(disconnect)
    this.socket.resume()
  }

  private seen(type: number, packetId: number, code: number): void {
    if (type === packetTypes.connack) this.connacked?.(code)
    // [MQTT-4.6.0-2] Acknowledgements come in the order of the messages, so the oldest is meant.
    else if (type === packetTypes.puback) {
      if (packetId !== (this.acked % 65_535) + 1) throw new Error(`${this.login.id}: PUBACK ${packetId} out of order`)
      this.onAck(performance.now() * 1000 - (this.sentAt[this.acked++ % maxInFlight] ?? 0))
    }
  }
}
