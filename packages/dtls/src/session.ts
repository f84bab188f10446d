import { alert, isEnding, writeAlert } from './alert.ts'
import { toDatagrams } from './flight.ts'
import type { Established } from './handshake.ts'
import { handshakeType, readFragments } from './handshake-message.ts'
import { maxFlightRepeats, maxForgedRecords, maxPlaintextBytes } from './limits.ts'
import type { DtlsPeer } from './peer.ts'
import { contentType, type DtlsRecord, writeRecord } from './record.ts'

/** An association whose client has proved the key of its identity. */
export interface DtlsSession {
  readonly peer: DtlsPeer
  /** The PSK identity. */
  readonly identity: string
  /** The key that was proved. */
  readonly key: Uint8Array
  /** Sends one message. It may be lost, as any datagram. Throws TypeError above 16 KiB. */
  send(message: Uint8Array): void
  /** Says close_notify and is over. */
  close(): void
}

export interface LiveSession extends DtlsSession {
  heardMs: number
  /** Whether the record was the client's. */
  receive(record: DtlsRecord): boolean
}

export function createSession(options: {
  peer: DtlsPeer
  established: Established
  now: () => number
  onMessage(message: Buffer): void
  onClose(): void
}): LiveSession {
  const { peer, established, now, onMessage, onClose } = options
  const { keys, writer, window, identity } = established
  let lastFlight = established.lastFlight
  let repeats = 0
  let forged = 0
  let closed = false

  const send = (type: number, plaintext: Buffer) => peer.send(writeRecord(writer.toRecord(type, 1, plaintext)))
  const finish = () => {
    if (closed) return
    closed = true
    onClose()
  }

  function takeHandshake(plaintext: Buffer): void {
    for (const { type } of readFragments(plaintext)) {
      if (type === handshakeType.clientHello) {
        // RFC 5246, section 7.2.2: "no_renegotiation (…) SHOULD respond with this alert"
        send(contentType.alert, writeAlert(alert.noRenegotiation))
      } else if (type === handshakeType.finished && lastFlight.length > 0 && repeats++ < maxFlightRepeats) {
        // "on receipt of a retransmit of a Finished message (…) retransmit (…) its last flight" (RFC 6347, section 4.2.4)
        for (const datagram of toDatagrams(lastFlight, writer.toRecord)) peer.send(datagram)
      }
      return
    }
  }

  const session: LiveSession = {
    peer,
    identity,
    key: keys.psk,
    heardMs: now(),
    send(message) {
      if (message.length > maxPlaintextBytes) throw new TypeError(`A DTLS record holds ${maxPlaintextBytes} bytes.`)
      if (!closed) send(contentType.applicationData, Buffer.from(message))
    },
    close() {
      if (closed) return
      send(contentType.alert, writeAlert(alert.closeNotify))
      finish()
    },
    receive(record) {
      if (closed || record.epoch !== 1 || !window.mayBeNew(record.sequence)) return false
      const plaintext = keys.client.open(record, record.fragment)
      if (!plaintext || plaintext.length > maxPlaintextBytes) {
        if (++forged > maxForgedRecords) finish()
        return false
      }
      window.mark(record.sequence)
      session.heardMs = now()
      if (record.type === contentType.applicationData) {
        // It has our Finished, or it would not send this.
        lastFlight = []
        onMessage(plaintext)
      } else if (record.type === contentType.handshake) takeHandshake(plaintext)
      else if (record.type === contentType.alert && isEnding(plaintext)) session.close()
      return true
    },
  }
  return session
}
