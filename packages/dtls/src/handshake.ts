import { randomBytes, timingSafeEqual } from 'node:crypto'
import { alert, writeAlert } from './alert.ts'
import type { Suite } from './cipher-suite.ts'
import { type ClientHello, writeServerExtensions } from './client-hello.ts'
import { type Sending, toDatagrams } from './flight.ts'
import {
  createReassembly,
  type HandshakeMessage,
  handshakeType,
  readFragments,
  writeMessage,
} from './handshake-message.ts'
import { deriveKeys, type Keys, verifyDataOf } from './key-schedule.ts'
import { type DtlsLimits, maxEarlyRecords, maxFlightRepeats, maxIdentityBytes, maxKeysTried } from './limits.ts'
import type { DtlsPeer } from './peer.ts'
import { sha256 } from './prf.ts'
import { createReader } from './reader.ts'
import { contentType, dtls12, type DtlsRecord, writeRecord } from './record.ts'
import { createRecordWriter, type RecordWriter } from './record-writer.ts'
import { createReplayWindow, type ReplayWindow } from './replay-window.ts'

/** What a session goes on with. */
export interface Established {
  identity: string
  keys: Keys
  writer: RecordWriter
  window: ReplayWindow
  lastFlight: readonly Sending[]
}

export interface HandshakeOptions {
  peer: DtlsPeer
  hello: ClientHello
  /** The ClientHello that brought a good cookie, and the number of its record. */
  message: HandshakeMessage
  recordSequence: number
  suite: Suite
  limits: DtlsLimits
  keysOf(identity: string): Promise<readonly Uint8Array[]>
  done(established: Established): void
  /** `key`: it did not prove the key of the identity; `keys`: what the keys are could not be read. */
  failed(why: 'key' | 'keys' | 'protocol' | 'lost', identity: string | undefined, cause?: unknown): void
}

const finishedBytes = 12 + 12
const dot = '\ufffd'

/** The server's side of a handshake with a pre-shared key (RFC 4279, figure 1), from the ClientHello with its cookie on. */
export function createHandshake(options: HandshakeOptions) {
  const { peer, hello, suite, limits } = options
  const serverRandom = randomBytes(32)
  const transcript = [writeMessage(options.message)]
  // "the server MUST use the record sequence number in the ClientHello as the record sequence number in the initial ServerHello" (4.2.1)
  const writer = createRecordWriter(options.recordSequence)
  const reassembly = createReassembly(options.message.sequence + 1)
  const window = createReplayWindow()
  let messageSequence = options.message.sequence
  let flight: readonly Sending[] = []
  let repeats = 0
  let waitMs = limits.retransmitMs
  let timer: NodeJS.Timeout | undefined
  let identity: string | undefined
  /** What the client may have: its keys are only known once a record of epoch 1 opens. */
  let candidates: Keys[] | undefined
  let early: DtlsRecord[] = []
  let over = false

  const say = (type: number, body: Buffer): Sending => {
    const message = { type, sequence: messageSequence++, body }
    transcript.push(writeMessage(message))
    return { kind: 'handshake', epoch: 0, message }
  }
  const transmit = () => {
    for (const datagram of toDatagrams(flight, writer.toRecord)) peer.send(datagram)
  }
  const end = () => {
    over = true
    clearTimeout(timer)
    clearTimeout(deadline)
    early = []
  }
  const fail = (why: Parameters<HandshakeOptions['failed']>[0], description?: number, cause?: unknown) => {
    if (over) return
    end()
    if (description !== undefined) {
      peer.send(writeRecord(writer.toRecord(contentType.alert, 0, writeAlert(description))))
    }
    options.failed(why, identity, cause)
  }
  const deadline = setTimeout(() => fail('lost'), limits.handshakeMs).unref()

  /** RFC 6347, section 4.2.4: waiting, with a timer that doubles. */
  const wait = () => {
    timer = setTimeout(() => {
      if (repeats++ >= limits.maxRetransmits) return fail('lost')
      waitMs *= 2
      transmit()
      wait()
    }, waitMs).unref()
  }

  function begin(): void {
    const body = Buffer.concat([
      Buffer.from([dtls12 >> 8, dtls12 & 0xff]),
      serverRandom,
      // No session id: nothing is resumed. The suite, and no compression.
      Buffer.from([0, suite.id >> 8, suite.id & 0xff, 0]),
      writeServerExtensions(hello),
    ])
    // No ServerKeyExchange: "If no hint is provided by the server, the ServerKeyExchange message is omitted." (RFC 4279, section 2)
    flight = [say(handshakeType.serverHello, body), say(handshakeType.serverHelloDone, Buffer.alloc(0))]
    transmit()
    wait()
  }

  function takeMessages(): void {
    const message = reassembly.take()
    if (!message || over) return
    // Nothing but the ClientKeyExchange is expected in epoch 0, and once.
    if (message.type !== handshakeType.clientKeyExchange || identity !== undefined)
      return fail('protocol', alert.decodeError)
    takeKeyExchange(message)
    takeMessages()
  }

  function takeKeyExchange(message: HandshakeMessage): void {
    const reader = createReader(message.body)
    const bytes = reader.vector(2)
    const claimed = bytes.toString('utf8')
    // RFC 4279, section 5.1: "The PSK identity MUST be first converted to a character string, and then encoded to octets using UTF-8"
    if (reader.failed || !reader.atEnd || bytes.length > maxIdentityBytes || claimed.includes(dot)) {
      return fail('protocol', alert.decodeError)
    }
    identity = claimed
    transcript.push(writeMessage(message))
    clearTimeout(timer)
    options.keysOf(claimed).then(takeKeys, (cause: unknown) => fail('keys', alert.internalError, cause))
  }

  function takeKeys(keys: readonly Uint8Array[]): void {
    if (over) return
    const sessionHash = hello.extendedMasterSecret ? sha256(Buffer.concat(transcript)) : undefined
    // RFC 4279, section 2: an unknown identity goes on "as if the PSK identity existed but the key was incorrect", so that it is not told.
    const tried = keys.length === 0 ? [randomBytes(16)] : keys.slice(0, maxKeysTried)
    candidates = tried.map((psk) => deriveKeys({ psk, suite, clientRandom: hello.random, serverRandom, sessionHash }))
    for (const record of early.splice(0)) takeSealed(record)
  }

  /** A record of epoch 1: the Finished, and nothing else before it. */
  function takeSealed(record: DtlsRecord): void {
    if (over || record.type !== contentType.handshake) return
    if (!candidates) {
      if (early.length < maxEarlyRecords) early.push(record)
      return
    }
    for (const keys of candidates) {
      const plaintext = keys.client.open(record, record.fragment)
      if (!plaintext) continue
      candidates = [keys]
      window.mark(record.sequence)
      for (const fragment of readFragments(plaintext)) reassembly.add(fragment)
      const message = reassembly.take()
      if (message) finish(keys, message)
      return
    }
    // Most likely another key. Other records are left to be forgeries.
    if (record.fragment.length === 8 + finishedBytes + suite.tagBytes) fail('key', alert.decryptError)
  }

  function finish(keys: Keys, message: HandshakeMessage): void {
    const expected = verifyDataOf(keys.master, 'client', sha256(Buffer.concat(transcript)))
    const { type, body } = message
    if (type !== handshakeType.finished || body.length !== expected.length || !timingSafeEqual(body, expected)) {
      return fail('key', alert.decryptError)
    }
    transcript.push(writeMessage(message))
    const verifyData = verifyDataOf(keys.master, 'server', sha256(Buffer.concat(transcript)))
    writer.protect(keys.server)
    flight = [
      { kind: 'change-cipher-spec' },
      {
        kind: 'handshake',
        epoch: 1,
        message: { type: handshakeType.finished, sequence: messageSequence, body: verifyData },
      },
    ]
    transmit()
    end()
    options.done({ identity: identity ?? '', keys, writer, window, lastFlight: flight })
  }

  begin()
  return {
    /** Whether a ClientHello is the one that began this, sent again. */
    isOf: (message: HandshakeMessage, again: ClientHello): boolean =>
      message.sequence === options.message.sequence && again.random.equals(hello.random),
    /** The client's flight came again: ours was lost (RFC 6347, figure 3). */
    repeat(): void {
      if (over || identity !== undefined || repeats++ >= maxFlightRepeats) return
      transmit()
    },
    receive(record: DtlsRecord): void {
      if (over) return
      if (record.epoch === 1) return takeSealed(record)
      // A ChangeCipherSpec says nothing that the epoch does not; alerts are not authenticated here, so the timers decide.
      if (record.type !== contentType.handshake) return
      for (const fragment of readFragments(record.fragment)) reassembly.add(fragment)
      takeMessages()
    },
    close: end,
  }
}

export type Handshake = ReturnType<typeof createHandshake>
