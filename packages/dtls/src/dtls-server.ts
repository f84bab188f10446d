import { alert, writeAlert } from './alert.ts'
import { type ClientHello, readClientHello } from './client-hello.ts'
import { type Suite, suites } from './cipher-suite.ts'
import { createCookies } from './cookie.ts'
import { createCounter } from './counter.ts'
import { createHandshake, type Established, type Handshake } from './handshake.ts'
import { type Fragment, handshakeType, readFragments, writeMessage } from './handshake-message.ts'
import { defaultLimits, type DtlsLimits } from './limits.ts'
import type { DtlsPeer } from './peer.ts'
import { contentType, dtls10, dtls12, type DtlsRecord, readRecords, writeRecord } from './record.ts'
import { createSession, type DtlsSession, type LiveSession } from './session.ts'

/** Why no session came of a handshake: a key that was not proved, keys that could not be looked up, something that is no DTLS, or silence. */
export type HandshakeFailure = 'key' | 'keys' | 'protocol' | 'lost'

/** Whose keys are proved, and who is told of what. */
export interface DtlsServerOptions {
  /** The keys of an identity, none when it is unknown; a rejection ends the handshake. */
  keysOf(identity: string, address: string): Promise<readonly Uint8Array[]>
  onSession(session: DtlsSession): void
  onMessage(session: DtlsSession, message: Buffer): void
  /** Closed by either side, silent for too long, or replaced by a new one of the same peer. */
  onClose(session: DtlsSession): void
  /** A handshake that ended without a session. */
  onFailure?(failure: { why: HandshakeFailure; peer: DtlsPeer; identity: string | undefined; cause?: unknown }): void
  /** Milliseconds that only grow. */
  now: () => number
  limits?: Partial<DtlsLimits>
}

/** What `createDtlsServer` gives. */
export interface DtlsServer {
  /** Takes one datagram. */
  receive(datagram: Buffer, peer: DtlsPeer): void
  /** Closes sessions that were silent for too long: to be called again and again. */
  sweep(): void
  /** Says goodbye to all. */
  close(): void
  /** How many there are. */
  readonly sessions: number
  readonly handshakes: number
}

/** DTLS 1.2 (RFC 6347) for clients with a pre-shared key, over any way of carrying datagrams. */
export function createDtlsServer(options: DtlsServerOptions): DtlsServer {
  const { now } = options
  const limits = { ...defaultLimits, ...options.limits }
  const cookies = createCookies(now)
  const handshakes = new Map<string, Handshake>()
  const handshaking = createCounter()
  // In order of when they were last heard: the first is the one that was silent longest.
  const sessions = new Map<string, LiveSession>()
  const perAddress = createCounter()
  let closed = false

  function receive(datagram: Buffer, peer: DtlsPeer): void {
    if (closed) return
    for (const record of readRecords(datagram)) {
      if (record.epoch === 0) receivePlain(record, peer)
      else if (record.epoch === 1) {
        // While a known peer begins anew, its old session lives on: only one of the two can open the record.
        handshakes.get(peer.key)?.receive(record)
        hear(sessions.get(peer.key), record)
      }
    }
  }

  function hear(session: LiveSession | undefined, record: DtlsRecord): void {
    if (!session?.receive(record) || sessions.get(session.peer.key) !== session) return
    sessions.delete(session.peer.key)
    sessions.set(session.peer.key, session)
  }

  function receivePlain(record: DtlsRecord, peer: DtlsPeer): void {
    const [first] = record.type === contentType.handshake ? readFragments(record.fragment) : []
    if (first?.type === handshakeType.clientHello) takeHello(first, record, peer)
    else handshakes.get(peer.key)?.receive(record)
  }

  function takeHello(message: Fragment, record: DtlsRecord, peer: DtlsPeer): void {
    // Nothing may be kept before the cookie is seen, so a ClientHello in pieces cannot be taken.
    if (message.body.length !== message.length) return
    const hello = readClientHello(message.body)
    if (!hello) return
    const pending = handshakes.get(peer.key)
    if (pending?.isOf(message, hello)) return pending.repeat()
    if (!cookies.isGood(peer, hello)) return sendCookie(message, record, peer, hello)
    const suite = chooseSuite(hello)
    if (typeof suite === 'number') return sendAlert(suite, record, peer)
    if (pending) endHandshake(peer, pending)
    if (handshakes.size >= limits.handshakes || handshaking.of(peer.address) >= limits.handshakesPerAddress) return
    begin(message, record, peer, hello, suite)
  }

  /** RFC 6347, section 4.2.1: "The server_version (…) SHOULD be DTLS 1.0 (…) regardless of the version of TLS that is expected" */
  function sendCookie(message: Fragment, record: DtlsRecord, peer: DtlsPeer, hello: ClientHello): void {
    const cookie = cookies.make(peer, hello)
    const body = Buffer.concat([Buffer.from([dtls10 >> 8, dtls10 & 0xff, cookie.length]), cookie])
    const fragment = writeMessage({ type: handshakeType.helloVerifyRequest, sequence: message.sequence, body })
    // "the record sequence number in the ClientHello as the record sequence number in the HelloVerifyRequest"
    peer.send(writeRecord({ type: contentType.handshake, epoch: 0, sequence: record.sequence, fragment }, dtls10))
  }

  const sendAlert = (description: number, { sequence }: DtlsRecord, peer: DtlsPeer) =>
    peer.send(writeRecord({ type: contentType.alert, epoch: 0, sequence, fragment: writeAlert(description) }))

  function begin(message: Fragment, record: DtlsRecord, peer: DtlsPeer, hello: ClientHello, suite: Suite): void {
    handshaking.add(peer.address)
    const handshake = createHandshake({
      peer,
      hello,
      message,
      recordSequence: record.sequence,
      suite,
      limits,
      keysOf: (identity) => options.keysOf(identity, peer.address),
      done(established) {
        endHandshake(peer, handshake)
        establish(peer, established)
      },
      failed(why, identity, cause) {
        endHandshake(peer, handshake)
        options.onFailure?.({ why, peer, identity, ...(cause === undefined ? {} : { cause }) })
      },
    })
    handshakes.set(peer.key, handshake)
  }

  function endHandshake(peer: DtlsPeer, handshake: Handshake): void {
    handshake.close()
    if (handshakes.get(peer.key) !== handshake) return
    handshakes.delete(peer.key)
    handshaking.remove(peer.address)
  }

  function establish(peer: DtlsPeer, established: Established): void {
    // "the server (…) MUST NOT destroy the existing association until the client has demonstrated reachability" (section 4.2.8): it has.
    const before = sessions.get(peer.key)
    if (before) drop(before)
    makeRoom(peer.address)
    const session = createSession({
      peer,
      established,
      now,
      onMessage: (message) => options.onMessage(session, message),
      onClose: () => forget(session),
    })
    sessions.set(peer.key, session)
    perAddress.add(peer.address)
    options.onSession(session)
  }

  function makeRoom(address: string): void {
    const isCrowded = perAddress.of(address) >= limits.sessionsPerAddress
    if (!isCrowded && sessions.size < limits.sessions) return
    for (const session of sessions.values()) {
      if (isCrowded && session.peer.address !== address) continue
      session.close()
      return
    }
  }

  function forget(session: LiveSession): void {
    if (sessions.get(session.peer.key) !== session) return
    sessions.delete(session.peer.key)
    perAddress.remove(session.peer.address)
    options.onClose(session)
  }
  /** Its peer has a new session: nothing more is said in this one. */
  const drop = (session: LiveSession) => forget(session)

  return {
    receive,
    sweep() {
      const nowMs = now()
      for (const session of sessions.values()) {
        if (nowMs - session.heardMs < limits.idleMs) return
        session.close()
      }
    },
    close() {
      closed = true
      for (const handshake of handshakes.values()) handshake.close()
      handshakes.clear()
      for (const session of sessions.values()) session.close()
    },
    get sessions() {
      return sessions.size
    },
    get handshakes() {
      return handshakes.size
    },
  }
}

/** The suite that is spoken, or the alert that says why none is. */
function chooseSuite(hello: ClientHello): Suite | number {
  // Versions of DTLS count down: 1.2 is below 1.0.
  if (hello.version > dtls12) return alert.protocolVersion
  if (!hello.compressions.includes(0)) return alert.decodeError
  return suites.find(({ id }) => hello.suites.includes(id)) ?? alert.handshakeFailure
}
