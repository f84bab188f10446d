import type { Duplex } from 'node:stream'
import { packetTypes, readHeader, type Header } from './wire/framing.ts'
import { malformed, protocolError, Violation } from './wire/violation.ts'

/** How long a closed connection may take to take its last bytes. */
const lingerMs = 2_000

export interface PacketStreamOptions {
  maxPacketBytes: number
  maxLoginBytes: number
  connectTimeoutMs: number
  /** One whole packet. A `Violation` that it throws ends the connection. */
  onPacket: (bytes: Buffer, at: number, header: Header) => void
  /** Told once, when the client has broken the protocol or a limit: nothing more is read. */
  onViolation: (violation: Violation) => void
  /** Taking a packet has failed for a reason that is not the client's: its connection ends, and no other. */
  onFailure: (error: unknown) => void
  /** What was written has left, after the buffers were full. */
  onDrain: () => void
  onClose: () => void
}

/**
 * Whole packets out of a socket, and bytes into it. The first packet is a CONNECT, and nothing else is read until `admit`. What is
 * sent in one turn goes out in one write.
 */
export class PacketStream {
  readonly #socket: Duplex
  readonly #options: PacketStreamOptions
  readonly #timer: NodeJS.Timeout
  #phase: 'connect' | 'login' | 'open' | 'held' = 'connect'
  #paused = false
  #chunks: Buffer[] = []
  #gathered = 0
  /** Bytes that must be there before it is worth looking again. */
  #wanted = 2
  #ended = false
  #closed = false
  #passing = false
  #answers: Buffer[] = []
  #outgoing: Buffer[] = []
  #outgoingBytes = 0

  constructor(socket: Duplex, options: PacketStreamOptions) {
    this.#socket = socket
    this.#options = options
    this.#timer = setTimeout(
      () => this.#violate(malformed('No CONNECT arrived in time')),
      options.connectTimeoutMs,
    ).unref()
    socket.on('error', () => this.close())
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => {
      this.#ended = true
      if (this.#phase !== 'login' && !this.#paused) this.close()
    })
    socket.on('close', () => {
      // what came with the CONNECT is still taken, however long the login takes
      if (this.#phase !== 'login' || !this.#ended) this.close()
    })
    socket.on('drain', () => options.onDrain())
  }

  /** The login is done: lets through what has waited. */
  admit(): void {
    if (this.#phase !== 'login') return
    this.#phase = 'open'
    this.resume()
  }

  /** Reads nothing more for now; packets that are here already wait too. */
  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#passing) return
    this.#pass()
    if (this.#phase !== 'open' || this.#paused) return
    if (this.#ended) this.close()
    else this.#socket.resume()
  }

  /** Reads nothing more for good; what is on its way is still answered. */
  hold(): void {
    this.#phase = 'held'
    this.#chunks = []
    this.#gathered = 0
    this.#socket.pause()
  }

  /** Bytes that the client has not taken yet. */
  get backlogBytes(): number {
    return this.#socket.writableLength + this.#outgoingBytes
  }

  send(bytes: Buffer): void {
    this.#add(this.#outgoing, bytes)
  }

  /** Acknowledges a message: ahead of what it has brought about in the same turn, such as its own delivery. */
  answer(bytes: Buffer): void {
    this.#add(this.#answers, bytes)
  }

  flush(): void {
    const outgoing = this.#answers.length === 0 ? this.#outgoing : this.#answers.concat(this.#outgoing)
    if (outgoing.length === 0) return
    this.#answers = []
    this.#outgoing = []
    this.#outgoingBytes = 0
    const first = outgoing.length === 1 ? outgoing[0] : undefined
    if (this.#socket.destroyed || !this.#socket.writable) return
    if (this.#socket.write(first ?? Buffer.concat(outgoing))) this.#options.onDrain()
  }

  /** The last bytes still go out; then the socket is cut, read or not. */
  close(): void {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    clearTimeout(this.#timer)
    this.#phase = 'held'
    this.#chunks = []
    const socket = this.#socket
    if (!socket.destroyed) {
      socket.end()
      socket.resume()
      const cut = setTimeout(() => socket.destroy(), lingerMs).unref()
      socket.once('close', () => clearTimeout(cut))
    }
    this.#options.onClose()
  }

  #add(to: Buffer[], bytes: Buffer): void {
    if (this.#closed) return
    if (this.#outgoingBytes === 0) flushSoon(this)
    this.#outgoingBytes += bytes.length
    to.push(bytes)
  }

  #take(chunk: Buffer): void {
    if (this.#phase === 'held') return
    this.#chunks.push(chunk)
    this.#gathered += chunk.length
    if (this.#phase === 'login') this.#socket.pause()
    else if (this.#gathered >= this.#wanted && !this.#paused) this.#pass()
  }

  #pass(): void {
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks)
    let at = 0
    this.#wanted = 2
    this.#passing = true
    try {
      while ((this.#phase === 'connect' || this.#phase === 'open') && !this.#paused) {
        const header = readHeader(bytes, at)
        if (header === undefined) {
          this.#wanted = bytes.length - at + 1
          break
        }
        if (header instanceof Violation) throw header
        const whole = header.headerBytes + header.bodyBytes
        this.#check(header, whole)
        if (bytes.length - at < whole) {
          this.#wanted = whole
          break
        }
        if (this.#phase === 'connect') {
          clearTimeout(this.#timer)
          this.#phase = 'login'
          this.#socket.pause()
        }
        this.#options.onPacket(bytes, at, header)
        at += whole
      }
    } catch (error) {
      if (error instanceof Violation) return this.#violate(error)
      this.hold()
      return this.#options.onFailure(error)
    } finally {
      this.#passing = false
    }
    if (this.#phase === 'held') return
    this.#chunks = at < bytes.length ? [at === 0 ? bytes : bytes.subarray(at)] : []
    this.#gathered = bytes.length - at
  }

  #check(header: Header, whole: number): void {
    // [MQTT-3.1.0-1] the first packet is a CONNECT, [MQTT-3.1.0-2] and no other is
    if ((header.type === packetTypes.connect) !== (this.#phase === 'connect')) {
      throw protocolError(this.#phase === 'connect' ? 'The first packet is no CONNECT' : 'A second CONNECT')
    }
    const limit = this.#phase === 'connect' ? this.#options.maxLoginBytes : this.#options.maxPacketBytes
    if (whole > limit) throw new Violation(0x95, `A packet of ${whole} bytes is over the limit of ${limit}`)
  }

  #violate(violation: Violation): void {
    if (this.#phase === 'held') return
    this.hold()
    this.#options.onViolation(violation)
  }
}

/** Streams that have something to send at the end of this turn: one call for all of them, since a commit answers many clients and one message goes to many. */
let due: PacketStream[] = []

function flushSoon(stream: PacketStream): void {
  if (due.length === 0) setImmediate(flushDue)
  due.push(stream)
}

function flushDue(): void {
  const streams = due
  due = []
  for (let at = 0; at < streams.length; at++) streams[at]?.flush()
}
