import {
  type AdapterRefusal,
  type Connection,
  type Credentials,
  isRefused,
  type Log,
  type RefusedError,
  type Session,
  type Sessions,
} from '@patchbay/sdk'
import { type Channel, createChannel } from './channel.ts'
import type { AmqpConfig } from './config.ts'
import { amqpRefusals, refuse } from './errors.ts'
import { endings, words } from './refusal-words.ts'
import { readInit, writeMechanisms, writeOutcome } from './sasl.ts'
import { amqpHeader, frameTypes, leastFrameBytes, saslHeader, Splitter, toFrame } from './wire/frames.ts'
import { codes, type Fields, readPerformative } from './wire/performative.ts'
import { Violation } from './wire/violation.ts'
import { amqpError, composite, nothing, text, uint, ushort } from './wire/writer.ts'
import type { WireSide } from './wire-side.ts'

export const protocol = 'amqp'
/** Contract section 6: so much before the login. */
const beforeLoginBytes = 4_096
const maxFrameBytes = 65_536
/** Sessions of AMQP on one connection: 0 to this. */
const maxChannel = 15
/** Bytes of a client that are not settled; over it, it is not read. */
const maxHeldBytes = 1024 * 1024
/** Bytes for a client that the network has not taken; over it, deliveries wait. */
const backlogBytes = 256 * 1024
/** Over it, the client is cut: it does not read at all. */
const maxBacklogBytes = 4 * 1024 * 1024
/** A client may not ask to be kept alive more often than this. */
const leastIdleMs = 2_000
/** What the closing handshake may take. */
const closeMs = 1_000

type Phase = 'sasl-header' | 'sasl' | 'logging-in' | 'amqp-header' | 'open' | 'opened' | 'closed'

export interface AmqpConnection {
  /** Keeps the connection alive, or ends it when the client does not. */
  tick(nowMs: number): void
  /** Gives no more credit, waits for what is in flight, says goodbye. */
  finish(): Promise<void>
  destroy(): void
}

export interface AmqpConnectionOptions {
  connection: Connection
  sessions: Sessions
  config: AmqpConfig
  log: Log
  onClose: () => void
}

/** One connection: SASL, then AMQP. [AMQP 2.4, 5.3] */
export function createConnection(options: AmqpConnectionOptions): AmqpConnection {
  const { connection, sessions, config, log } = options
  const { socket } = connection
  const splitter = new Splitter()
  const channels = new Map<number, Channel>()
  let phase: Phase = 'sasl-header'
  let session: Session | undefined
  let seenBytes = 0
  let heldBytes = 0
  let inFlight = 0
  let finishing = false
  let corked = false
  let peerFrameBytes = leastFrameBytes
  let peerIdleMs = 0
  let inMs = Date.now()
  let outMs = inMs
  let onIdle = () => {}
  const loginTimer = setTimeout(() => cut(refuse('AMQP_LOGIN_TIMEOUT')), config.loginTimeoutMs)
  let closeTimer: NodeJS.Timeout | undefined

  const uncork = (): void => {
    corked = false
    socket.uncork()
  }
  function put(bytes: Uint8Array): void {
    if (socket.destroyed || socket.writableEnded) return
    if (!corked) {
      corked = true
      socket.cork()
      process.nextTick(uncork)
    }
    outMs = Date.now()
    socket.write(bytes)
  }
  const write = (channel: number, parts: readonly Uint8Array[]): void => {
    if (phase === 'closed') return
    if (socket.writableLength > maxBacklogBytes) return cut(refuse('AMQP_READS_TOO_SLOWLY'))
    put(toFrame(frameTypes.amqp, channel, parts))
  }

  /** Reads, unless there is enough to do. */
  function read(): void {
    if (phase === 'logging-in' || (phase !== 'closed' && heldBytes > maxHeldBytes)) socket.pause()
    else socket.resume()
  }

  function record(action: AdapterRefusal['action'], refused: RefusedError, topic?: string): void {
    if (!Object.hasOwn(amqpRefusals, refused.code) || refused.reason === 'unavailable') return
    const device = session?.principal.kind === 'device' ? { device: session.principal.id } : {}
    const where = topic === undefined ? {} : { topic }
    sessions.refuse({ protocol, address: connection.address }, { action, refused, ...where, ...device })
  }

  function sendOpen(): void {
    const idle = uint(Math.floor(config.idleTimeoutMs / 2))
    put(
      toFrame(frameTypes.amqp, 0, [
        composite(codes.open, [text('patchbay'), nothing, uint(maxFrameBytes), ushort(maxChannel), idle]),
      ]),
    )
  }

  /** Says goodbye in AMQP's words, as far as the peer is there to hear them. */
  function end(condition: string, why: string): void {
    if (phase === 'closed') return
    if (phase === 'open') sendOpen()
    if (phase === 'open' || phase === 'opened') {
      put(toFrame(frameTypes.amqp, 0, [composite(codes.close, [amqpError(condition, why)])]))
    }
    leave()
  }

  function leave(): void {
    phase = 'closed'
    for (const channel of channels.values()) channel.close()
    channels.clear()
    session?.close()
    read()
    socket.end()
    closeTimer = setTimeout(() => socket.destroy(), closeMs)
  }

  function cut(refused: RefusedError, condition: string = words[refused.reason].condition): void {
    if (phase === 'closed') return
    record(session ? 'receive' : 'connect', refused)
    end(condition, refused.message)
  }

  const wireOf = (opened: Session): WireSide => ({
    session: opened,
    config,
    log,
    get peerFrameBytes() {
      return peerFrameBytes
    },
    get isBacklogged() {
      return socket.writableLength > backlogBytes
    },
    get isFinishing() {
      return finishing
    },
    write,
    hold(bytes) {
      const was = heldBytes > maxHeldBytes
      heldBytes += bytes
      if (was === heldBytes > maxHeldBytes) return
      // Nothing on its way will make room: all of it is messages without an end.
      if (heldBytes > maxHeldBytes && inFlight === 0) cut(refuse('AMQP_LIMIT'))
      read()
    },
    work(messages) {
      inFlight += messages
      if (inFlight === 0) onIdle()
    },
    record,
    cut,
  })
  let wire: WireSide | undefined

  function onHeader(header: Buffer): void {
    if (phase === 'sasl-header') {
      // [AMQP 2.2] Whoever asks for anything else is told what is spoken here.
      put(saslHeader)
      if (!header.equals(saslHeader)) return cut(refuse('AMQP_SASL'))
      put(toFrame(frameTypes.sasl, 0, [writeMechanisms(connection.certificate)]))
      phase = 'sasl'
      return
    }
    if (!header.equals(amqpHeader)) throw new Violation('amqp:connection:framing-error', 'AMQP 1.0 follows SASL.')
    put(amqpHeader)
    phase = 'open'
  }

  async function logIn(credentials: Credentials): Promise<void> {
    const { address, encrypted } = connection
    phase = 'logging-in'
    read()
    try {
      const opened = await sessions.open({ protocol, address, encrypted, credentials })
      if (isGone()) return opened.close()
      session = opened
      wire = wireOf(opened)
      opened.onEnd((why) => {
        const ending = endings[why]
        if (ending) end(ending.condition, ending.text)
      })
    } catch (error) {
      if (!isRefused(error)) log.error('a login failed', { error })
      if (isGone()) return
      put(toFrame(frameTypes.sasl, 0, [writeOutcome(isRefused(error) ? words[error.reason].sasl : 4)]))
      return leave()
    }
    put(toFrame(frameTypes.sasl, 0, [writeOutcome(0)]))
    phase = 'amqp-header'
    read()
    pump()
  }
  const isGone = (): boolean => phase === 'closed' || socket.destroyed

  function onOpen(fields: Fields): void {
    peerFrameBytes = Math.min(fields.uint(2) ?? maxFrameBytes, maxFrameBytes)
    if (peerFrameBytes < leastFrameBytes)
      throw new Violation('amqp:invalid-field', 'Frames of 512 bytes must be taken.')
    peerIdleMs = fields.uint(4) ?? 0
    if (peerIdleMs > 0 && peerIdleMs < leastIdleMs)
      throw new Violation('amqp:invalid-field', `An idle time-out is ${leastIdleMs} ms at least.`)
    clearTimeout(loginTimer)
    sendOpen()
    phase = 'opened'
  }

  function onPerformative(number: number, fields: Fields, payload: Buffer): void {
    if (phase === 'open') {
      if (fields.code !== codes.open) throw new Violation('amqp:not-allowed', 'A connection begins with open.')
      return onOpen(fields)
    }
    if (fields.code === codes.close) {
      put(toFrame(frameTypes.amqp, 0, [composite(codes.close, [])]))
      return leave()
    }
    const channel = channels.get(number)
    if (fields.code === codes.begin) {
      if (channel || number > maxChannel) throw new Violation('amqp:not-allowed', `Channel ${number} is not free.`)
      if (fields.at(0) !== null) throw new Violation('amqp:not-allowed', 'Sessions are begun by clients here.')
      if (wire) channels.set(number, createChannel(number, fields, wire))
      return
    }
    if (!channel) throw new Violation('amqp:not-allowed', `Channel ${number} is not there.`)
    if (fields.code !== codes.end) return channel.frame(fields, payload)
    channel.flush()
    channel.close()
    channels.delete(number)
    write(number, [composite(codes.end, [])])
  }

  function step(): boolean {
    if (phase === 'closed' || phase === 'logging-in') return false
    if (phase === 'sasl-header' || phase === 'amqp-header') {
      const header = splitter.header()
      if (header) onHeader(header)
      return header !== undefined
    }
    const frame = splitter.frame(session ? maxFrameBytes : beforeLoginBytes)
    if (!frame) return false
    if (frame.type !== (phase === 'sasl' ? frameTypes.sasl : frameTypes.amqp))
      throw new Violation('amqp:connection:framing-error', `A frame of type ${frame.type} is out of place.`)
    // [AMQP 2.4.5] An empty frame keeps the connection alive.
    if (frame.start === frame.bytes.length) return true
    const { fields, payload } = readPerformative(frame.bytes, frame.start)
    if (phase !== 'sasl') onPerformative(frame.channel, fields, payload)
    else if (fields.code === codes.saslInit) void logIn(readInit(fields, connection.certificate))
    else throw new Violation('amqp:not-allowed', 'A login begins with sasl-init.')
    return true
  }

  function pump(): void {
    try {
      while (step());
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      cut(refuse('AMQP_MALFORMED', error.message, error), error.condition)
    }
  }

  socket.on('data', (chunk: Buffer) => {
    if (phase === 'closed') return
    inMs = Date.now()
    splitter.push(chunk)
    pump()
    if (session || isGone() || phase === 'logging-in') return
    seenBytes += chunk.length
    if (seenBytes > beforeLoginBytes)
      cut(refuse('AMQP_FRAME_TOO_LARGE', `Before the login only ${beforeLoginBytes} bytes are taken.`))
  })
  socket.on('drain', () => {
    for (const channel of channels.values()) channel.process()
  })
  // `close` follows and does the rest.
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  socket.once('close', () => {
    clearTimeout(loginTimer)
    clearTimeout(closeTimer)
    phase = 'closed'
    for (const channel of channels.values()) channel.close()
    channels.clear()
    session?.close()
    onIdle()
    options.onClose()
  })

  return {
    tick(nowMs) {
      if (phase !== 'opened') return
      if (nowMs - inMs > config.idleTimeoutMs) cut(refuse('AMQP_IDLE'))
      else if (peerIdleMs > 0 && nowMs - outMs >= peerIdleMs / 4) put(toFrame(frameTypes.amqp, 0, []))
      if (nowMs - inMs < leastIdleMs) session?.alive()
    },
    async finish() {
      finishing = true
      if (inFlight > 0) await new Promise<void>((resolve) => (onIdle = resolve))
      for (const channel of channels.values()) channel.flush()
      end('amqp:connection:forced', 'The adapter stops.')
    },
    destroy: () => socket.destroy(),
  }
}
