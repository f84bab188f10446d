import { maxRecordsPerDatagram } from './limits.ts'

/** RFC 5246, section 6.2.1. */
export const contentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const

/** "The version of DTLS 1.2 is { 254, 253 }" (RFC 6347, section 4.1), and 1.0's, which hello messages may carry. */
export const dtls12 = 0xfefd
export const dtls10 = 0xfeff

export const recordHeadBytes = 13

/** One record as it is on the wire. */
export interface DtlsRecord {
  type: number
  epoch: number
  /** 48 bits: exact as a number. */
  sequence: number
  fragment: Buffer
}

/**
 * The records of a datagram, up to the first that is not well formed: "invalid records SHOULD be silently discarded" (RFC 6347, section
 * 4.1.2.7).
 */
export function readRecords(datagram: Buffer): DtlsRecord[] {
  const records: DtlsRecord[] = []
  let at = 0
  while (at + recordHeadBytes <= datagram.length && records.length < maxRecordsPerDatagram) {
    const version = datagram.readUInt16BE(at + 1)
    const length = datagram.readUInt16BE(at + 11)
    const end = at + recordHeadBytes + length
    if ((version !== dtls12 && version !== dtls10) || end > datagram.length) break
    records.push({
      type: datagram[at] ?? 0,
      epoch: datagram.readUInt16BE(at + 3),
      sequence: datagram.readUIntBE(at + 5, 6),
      fragment: datagram.subarray(at + recordHeadBytes, end),
    })
    at = end
  }
  return records
}

export function writeRecord({ type, epoch, sequence, fragment }: DtlsRecord, version: number = dtls12): Buffer {
  const head = Buffer.alloc(recordHeadBytes)
  head[0] = type
  head.writeUInt16BE(version, 1)
  head.writeUInt16BE(epoch, 3)
  head.writeUIntBE(sequence, 5, 6)
  head.writeUInt16BE(fragment.length, 11)
  return Buffer.concat([head, fragment])
}
