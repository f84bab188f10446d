import { topicProblem } from '../topics.ts'
import { readAcknowledgement, readDisconnect } from './acknowledgement.ts'
import { ByteReader, toName } from './byte-reader.ts'
import { readConnect, readVersion, type Version } from './connect.ts'
import { packetTypes as types, type Header } from './framing.ts'
import { readPublish, type PublishParts } from './publish.ts'
import { readSubscribe, readUnsubscribe } from './subscription.ts'
import { malformed, topicNameInvalid, Violation, topicAliasInvalid } from './violation.ts'

const newParts = (): PublishParts => ({
  qos: 0,
  retain: false,
  topicFrom: 0,
  topicEnd: 0,
  messageId: 0,
  properties: undefined,
  payloadFrom: 0,
  payloadEnd: 0,
})
/** Read over and over again: nothing of a packet outlives its check. */
const parts = newParts()

/** A topic that is only too long or too deep is refused as a message, with the connection kept; it is well formed. */
const isLimit = (problem: string): boolean => problem.startsWith('is over') || problem.startsWith('has more')

function checkPublish(bytes: Buffer, at: number, header: Header, version: Version): void {
  readPublish(bytes, at, header, version, parts)
  const alias = parts.properties?.topicAlias
  // [MQTT-3.3.2-9] the server has announced no Topic Alias Maximum, so there is none
  if (alias !== undefined) throw topicAliasInvalid('No topic aliases are taken')
  const topic = toName(bytes.subarray(parts.topicFrom, parts.topicEnd))
  const problem = topicProblem(topic)
  if (problem !== undefined && !isLimit(problem)) {
    // [MQTT-4.7.3-1] without an alias a topic has a character at least; [MQTT-3.3.2-2] wildcards have no place in it
    throw topic === '' ? malformed(`The topic ${problem}`) : topicNameInvalid(`The topic ${problem}`)
  }
}

function check(bytes: Buffer, at: number, header: Header, version: Version): void {
  if (header.type === types.publish) return checkPublish(bytes, at, header, version)
  const from = at + header.headerBytes
  const body = new ByteReader(bytes, from, from + header.bodyBytes)
  if (header.type === types.connect) {
    const spoken = readVersion(body)
    if (spoken !== 'unsupported') readConnect(body, spoken)
  } else if (header.type === types.subscribe) readSubscribe(body, version)
  else if (header.type === types.unsubscribe) readUnsubscribe(body, version)
  else if (header.type === types.disconnect) readDisconnect(body, version)
  else if (header.type === types.pingreq) body.finish()
  else readAcknowledgement(body, header.type, version)
}

/** What a whole packet breaks of the specification; undefined when nothing. Only packets that pass may reach the broker. */
export function violationIn(bytes: Buffer, at: number, header: Header, version: Version): Violation | undefined {
  try {
    check(bytes, at, header, version)
    return undefined
  } catch (error) {
    if (error instanceof Violation) return error
    throw error
  }
}
