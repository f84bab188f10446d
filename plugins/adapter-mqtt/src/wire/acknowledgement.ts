import { ByteReader } from './byte-reader.ts'
import type { Version } from './connect.ts'
import { packetTypes } from './framing.ts'
import { readProperties } from './properties.ts'
import { protocolError } from './violation.ts'

export interface Acknowledgement {
  messageId: number
  reasonCode: number
}

/** [MQTT 5, 3.4.2.1] [3.5.2.1] [3.6.2.1] [3.7.2.1] */
const received = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const released = new Set([0x00, 0x92])

/** PUBACK, PUBREC, PUBREL and PUBCOMP. */
export function readAcknowledgement(reader: ByteReader, type: number, version: Version): Acknowledgement {
  const messageId = reader.twoBytes()
  let reasonCode = 0
  if (version === 5 && reader.left > 0) {
    reasonCode = reader.byte()
    if (reader.left > 0) readProperties(reader, type)
  }
  reader.finish()
  if (messageId === 0) throw protocolError('Packet identifier 0') // [MQTT-2.2.1-2]
  const codes = type === packetTypes.puback || type === packetTypes.pubrec ? received : released
  if (!codes.has(reasonCode)) throw protocolError(`Reason code ${reasonCode} does not belong here`)
  return { messageId, reasonCode }
}

/** [MQTT 5, 3.14.2.1] what a client may say when it leaves. */
const leaving = new Set([0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99])

export interface Disconnect {
  reasonCode: number
  sessionExpiryInterval: number | undefined
}

export function readDisconnect(reader: ByteReader, version: Version): Disconnect {
  let reasonCode = 0
  let sessionExpiryInterval: number | undefined
  if (version === 5 && reader.left > 0) {
    reasonCode = reader.byte()
    if (reader.left > 0) sessionExpiryInterval = readProperties(reader, packetTypes.disconnect)?.sessionExpiryInterval
  }
  reader.finish()
  // a code that a client does not have is no goodbye; it is leaving all the same, and is not told
  return { reasonCode: leaving.has(reasonCode) ? reasonCode : 0x82, sessionExpiryInterval }
}
