import { fragmentsOf, type HandshakeMessage } from './handshake-message.ts'
import { maxDatagramBytes } from './limits.ts'
import { contentType, type DtlsRecord, recordHeadBytes, writeRecord } from './record.ts'

/** One message of a flight, with the epoch it is sent in. */
export type Sending = { kind: 'handshake'; epoch: 0 | 1; message: HandshakeMessage } | { kind: 'change-cipher-spec' }

/** Room for the nonce and tag of a record of the next epoch, and for both heads. */
const overheadBytes = recordHeadBytes + 12 + 24

/** Makes a record ready: gives it its number, and seals it in epoch 1. */
export type ToRecord = (type: number, epoch: 0 | 1, plaintext: Buffer) => DtlsRecord

/** The datagrams of a flight. Records of each repetition have numbers of their own: "a new record sequence number" (RFC 6347, 4.2.4). */
export function toDatagrams(flight: readonly Sending[], toRecord: ToRecord): Buffer[] {
  const datagrams: Buffer[] = []
  let open: Buffer[] = []
  let bytes = 0
  const add = (record: Buffer) => {
    if (bytes + record.length > maxDatagramBytes && open.length > 0) {
      datagrams.push(Buffer.concat(open))
      open = []
      bytes = 0
    }
    open.push(record)
    bytes += record.length
  }
  for (const one of flight) {
    if (one.kind === 'change-cipher-spec') {
      add(writeRecord(toRecord(contentType.changeCipherSpec, 0, Buffer.from([1]))))
      continue
    }
    for (const fragment of fragmentsOf(one.message, maxDatagramBytes - overheadBytes)) {
      add(writeRecord(toRecord(contentType.handshake, one.epoch, fragment)))
    }
  }
  datagrams.push(Buffer.concat(open))
  return datagrams
}
