import { Duplex } from 'node:stream'
import type { Refused } from '@patchbay/sdk'
import { malformedPacket, packetTooLarge } from './errors.ts'
import { reasonCodes } from './refusal-words.ts'
import { ByteReader } from './wire/byte-reader.ts'
import { readVersion, type Version } from './wire/connect.ts'
import { packetTypes, readHeader, type Header } from './wire/framing.ts'
import { violationIn } from './wire/strictness.ts'
import { protocolError, Violation } from './wire/violation.ts'

/** Before the login no packet may be larger: nobody has earned our memory yet. */
const maxLoginPacketBytes = 4096
/** How long a closed connection may take to take its last bytes. */
const lingerMs = 2_000

/** CONNACK "unacceptable protocol version", which clients of every version can read. */
const unacceptableVersion = Buffer.from([0x20, 2, 0, 1])

export interface GuardOptions {
  maxPacketBytes: number
  connectTimeoutMs: number
  /** Told once, when the client has broken the protocol or a limit: nothing more is read. The code is MQTT 5's. */
  onViolation: (refused: Refused, reasonCode: number) => void
  /** Offered each PUBACK; true = it was one of the platform's own messages, and aedes does not see it. */
  onPuback: (messageId: number, reasonCode: number) => boolean
}

/**
 * Stands between a socket and aedes: only whole packets with a sound header pass, the first is a CONNECT, nothing else passes until
 * `admit`, and a reader or writer that is slow on one side slows the other. aedes sees this stream in place of the socket.
 */
export class GuardedConnection extends Duplex {
  readonly #socket: Duplex
  readonly #options: GuardOptions
  readonly #timer: NodeJS.Timeout
  #version: Version = 4
  #phase: 'connect' | 'login' | 'open' | 'held' = 'connect'
  #chunks: Buffer[] = []
  #gathered = 0
  /** Bytes that must be there before it is worth looking again. */
  #wanted = 2
  #ended = false
  #written: (() => void) | undefined

  constructor(socket: Duplex, options: GuardOptions) {
    super({ writableHighWaterMark: 64 * 1024, readableHighWaterMark: 64 * 1024 })
    this.#socket = socket
    this.#options = options
    this.#timer = setTimeout(
      () => this.#violate(malformedPacket('No CONNECT arrived in time'), reasonCodes.malformed),
      options.connectTimeoutMs,
    )
    this.#timer.unref()
    // aedes takes its listeners off when it closes; an error after that is nobody's
    this.on('error', ignoreLateError)
    socket.on('error', (error) => this.destroy(error))
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => this.#end())
    socket.on('close', () => {
      this.#releaseWriter()
      if (!this.#ended) this.destroy()
    })
    socket.on('drain', () => this.#releaseWriter())
  }

  /** The login is done: lets through what has waited. */
  admit(): void {
    if (this.#phase !== 'login') return
    this.#phase = 'open'
    this.#pass()
    if (this.#phase === 'open' && !this.#ended) this.#socket.resume()
  }

  /** Reads nothing more; what is on its way is still answered. */
  hold(): void {
    this.#phase = 'held'
    this.#chunks = []
    this.#gathered = 0
    this.#socket.pause()
  }

  /** Bytes that the client has not taken yet. */
  get backlogBytes(): number {
    return this.writableLength + this.#socket.writableLength
  }

  override _read(): void {
    if (this.#phase === 'connect' || this.#phase === 'open') this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#send(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: () => void): void {
    this.#socket.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    this.#phase = 'held'
    this.#chunks = []
    const socket = this.#socket
    this.#releaseWriter()
    if (!socket.destroyed) {
      // the last answer still goes out; then the socket is cut, read or not
      socket.end()
      socket.resume()
      const cut = setTimeout(() => socket.destroy(), lingerMs)
      cut.unref()
      socket.once('close', () => clearTimeout(cut))
    }
    done(error)
  }

  #send(bytes: Buffer, done: () => void): void {
    if (this.#socket.destroyed || this.#socket.write(bytes)) done()
    else this.#written = done
  }

  #releaseWriter(): void {
    const written = this.#written
    this.#written = undefined
    written?.()
  }

  #take(chunk: Buffer): void {
    if (this.#phase === 'held') return
    this.#chunks.push(chunk)
    this.#gathered += chunk.length
    if (this.#phase === 'login') this.#socket.pause()
    else if (this.#gathered >= this.#wanted) this.#pass()
  }

  #end(): void {
    this.#ended = true
    if (this.#phase !== 'login') this.push(null)
  }

  /** Passes every whole packet on, in as few pieces as can be. */
  #pass(): void {
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks)
    let from = 0
    let at = 0
    this.#wanted = 2
    while (this.#phase === 'connect' || this.#phase === 'open') {
      const header = readHeader(bytes, at)
      if (header === undefined) {
        this.#wanted = bytes.length - at + 1
        break
      }
      if (header instanceof Violation) return this.#violateSpecification(header)
      if (this.#isOutOfPlace(header)) return
      const whole = header.headerBytes + header.bodyBytes
      if (bytes.length - at < whole) {
        this.#wanted = whole
        break
      }
      if (this.#phase === 'connect' && !this.#acceptConnect(bytes, at, header)) return
      const violation = violationIn(bytes, at, header, this.#version)
      if (violation !== undefined) return this.#violateSpecification(violation)
      if (header.type === packetTypes.puback && this.#isPlatforms(bytes, at, header)) {
        if (at > from) this.push(bytes.subarray(from, at))
        from = at + whole
      }
      at += whole
    }
    if (this.#phase === 'held') return
    this.#chunks = at < bytes.length ? [bytes.subarray(at)] : []
    this.#gathered = bytes.length - at
    if (at > from && !this.push(bytes.subarray(from, at))) this.#socket.pause()
    if (this.#ended && this.#phase === 'open') this.push(null)
  }

  /** In the wrong place, or over a limit: known from the header alone, before the rest is waited for. */
  #isOutOfPlace(header: Header): boolean {
    const whole = header.headerBytes + header.bodyBytes
    const limit = this.#phase === 'connect' ? maxLoginPacketBytes : this.#options.maxPacketBytes
    // [MQTT-3.1.0-1] the first packet is a CONNECT, [MQTT-3.1.0-2] and no other is
    if ((header.type === packetTypes.connect) !== (this.#phase === 'connect')) {
      const why = this.#phase === 'connect' ? 'The first packet is no CONNECT' : 'A second CONNECT'
      this.#violateSpecification(protocolError(why))
      return true
    }
    if (whole > limit) this.#violate(packetTooLarge(whole, limit), reasonCodes.tooLarge)
    return whole > limit
  }

  #acceptConnect(bytes: Buffer, at: number, header: Header): boolean {
    const from = at + header.headerBytes
    try {
      const version = readVersion(new ByteReader(bytes, from, from + header.bodyBytes))
      if (version === 'unsupported') {
        this.#socket.write(unacceptableVersion)
        this.#violate(malformedPacket('This protocol level is not spoken here'), reasonCodes.malformed)
        return false
      }
      this.#version = version
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      this.#violateSpecification(error)
      return false
    }
    clearTimeout(this.#timer)
    this.#phase = 'login'
    this.#socket.pause()
    return true
  }

  #isPlatforms(bytes: Buffer, at: number, header: Header): boolean {
    const body = at + header.headerBytes
    const reasonCode = header.bodyBytes > 2 ? (bytes[body + 2] ?? 0) : 0
    return this.#options.onPuback(bytes.readUInt16BE(body), reasonCode)
  }

  #violateSpecification(violation: Violation): void {
    this.#violate(malformedPacket(violation.message), violation.reasonCode)
  }

  #violate(refused: Refused, reasonCode: number): void {
    if (this.#phase === 'held') return
    this.hold()
    this.#options.onViolation(refused, reasonCode)
  }
}

const ignoreLateError = () => undefined
