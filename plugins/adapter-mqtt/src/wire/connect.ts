import { toOwnBytes } from '../own-bytes.ts'
import { filterProblem, topicProblem } from '../topics.ts'
import { ByteReader } from './byte-reader.ts'
import { packetTypes } from './framing.ts'
import { readProperties, willProperties, type Properties } from './properties.ts'
import { malformed, protocolError, topicNameInvalid } from './violation.ts'

export type Version = 3 | 4 | 5

export interface Will {
  topic: string
  payload: Buffer
  qos: 0 | 1 | 2
  retain: boolean
  properties?: Properties
}

export interface Connect {
  version: Version
  clientId: string
  clean: boolean
  keepAliveSeconds: number
  username: string | undefined
  password: Buffer | undefined
  will: Will | undefined
  properties: Properties | undefined
}

/** Protocol name and level of a CONNECT. `unsupported`: only a CONNACK 1 answers it. [MQTT-3.1.2-2] */
export function readVersion(reader: ByteReader): Version | 'unsupported' {
  const name = reader.binary().toString('latin1')
  // the highest bit marks a bridge to some brokers
  const level = reader.byte() & 0x7f
  if (name === 'MQTT') return level === 4 || level === 5 ? level : 'unsupported'
  if (name === 'MQIsdp') return level === 3 ? 3 : 'unsupported'
  throw malformed('The protocol name is not MQTT') // [MQTT-3.1.2-1]
}

/** What follows the level. [MQTT 5, 3.1.2.3] to [3.1.3.6] */
export function readConnect(reader: ByteReader, version: Version): Connect {
  const flags = reader.byte()
  checkFlags(flags, version)
  const keepAliveSeconds = reader.twoBytes()
  const properties = version === 5 ? readProperties(reader, packetTypes.connect) : undefined
  // [MQTT 5, 3.1.2.11.10] data without a method belong to nothing
  if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw protocolError('Authentication Data without a method')
  }
  const clientId = reader.name()
  const will = (flags & 4) === 0 ? undefined : readWill(reader, flags, version)
  const username = (flags & 0x80) === 0 ? undefined : reader.name()
  const password = (flags & 0x40) === 0 ? undefined : Buffer.from(reader.binary())
  reader.finish()
  return { version, clientId, clean: (flags & 2) !== 0, keepAliveSeconds, username, password, will, properties }
}

function checkFlags(flags: number, version: Version): void {
  // [MQTT-3.1.2-3]; 3.1 leaves the bit unused
  if (version > 3 && (flags & 1) !== 0) throw malformed('The reserved flag of the CONNECT is set')
  const qos = (flags >> 3) & 3
  if ((flags & 4) === 0 && (flags & 0x38) !== 0) throw malformed('Will flags without a will') // [MQTT-3.1.2-11] [-13]
  if (qos === 3) throw malformed('A will of QoS 3') // [MQTT-3.1.2-12]
  // [MQTT-3.1.2-22] of 3.1.1; MQTT 5 lets a password stand alone
  if (version < 5 && (flags & 0xc0) === 0x40) throw malformed('A password without a user name')
}

function readWill(reader: ByteReader, flags: number, version: Version): Will {
  const properties = version === 5 ? readProperties(reader, willProperties) : undefined
  const topic = reader.name()
  const payload = toOwnBytes(reader.binary())
  const problem = topicProblem(topic)
  if (topic === '') throw malformed('The will has no topic')
  if (problem !== undefined) throw topicNameInvalid(`The will’s topic ${problem}`)
  checkResponseTopic(properties)
  const qos = (flags >> 3) & 3
  return {
    topic,
    payload,
    qos: qos === 1 ? 1 : qos === 2 ? 2 : 0,
    retain: (flags & 0x20) !== 0,
    ...(properties === undefined ? {} : { properties }),
  }
}

/** [MQTT-3.3.2-14] a Response Topic is a topic name: without wildcards, and not empty [MQTT-4.7.3-1]. */
export function checkResponseTopic(properties: Properties | undefined): void {
  const topic = properties?.responseTopic
  if (topic === undefined) return
  const problem = topicProblem(topic)
  if (problem === undefined) return
  throw filterProblem(topic) === undefined
    ? protocolError(`The Response Topic ${problem}`)
    : malformed(`The Response Topic ${problem}`)
}
