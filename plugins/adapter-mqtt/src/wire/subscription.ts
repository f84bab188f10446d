import { filterProblem } from '../topics.ts'
import type { ByteReader } from './byte-reader.ts'
import { toPacket } from './byte-writer.ts'
import type { Version } from './connect.ts'
import { packetTypes } from './framing.ts'
import { readProperties } from './properties.ts'
import { malformed, protocolError } from './violation.ts'

export interface FilterRequest {
  /** As the client wrote it, `$share/…` and all. */
  name: string
  /** What topics are matched with. */
  filter: string
  group: string | undefined
  qos: 0 | 1 | 2
  noLocal: boolean
  retainAsPublished: boolean
  retainHandling: 0 | 1 | 2
}

export interface Subscribe {
  messageId: number
  identifier: number | undefined
  requests: FilterRequest[]
}

const shared = '$share/'

/** [MQTT 5, 4.8.2] `$share/{group}/{filter}`, in 3.1.1 too, where it is an extension. */
export function splitFilter(name: string): { filter: string; group: string | undefined } {
  if (!name.startsWith(shared)) return { filter: name, group: undefined }
  const end = name.indexOf('/', shared.length)
  const group = end < 0 ? name.slice(shared.length) : name.slice(shared.length, end)
  const filter = end < 0 ? '' : name.slice(end + 1)
  // [MQTT-4.8.2-1] [MQTT-4.8.2-2] a group has a name without / + #, and a filter follows
  if (group === '' || filter === '' || /[+#]/.test(group))
    throw protocolError('The shared filter has no group or no filter')
  return { filter, group }
}

export function readSubscribe(reader: ByteReader, version: Version): Subscribe {
  const messageId = readId(reader)
  const properties = version === 5 ? readProperties(reader, packetTypes.subscribe) : undefined
  if (reader.left === 0) throw malformed('A SUBSCRIBE without a filter') // [MQTT-3.8.3-2]
  const requests: FilterRequest[] = []
  while (reader.left > 0) requests.push(readRequest(reader, version))
  return { messageId, identifier: properties?.subscriptionIdentifiers?.[0], requests }
}

function readRequest(reader: ByteReader, version: Version): FilterRequest {
  const name = readFilter(reader)
  const options = reader.byte()
  // [MQTT-3.8.3-5] reserved bits; 3.1.1 has the QoS alone [MQTT-3-8.3-4]
  if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0) throw malformed('Reserved bits of the subscription options')
  const qos = options & 3
  const retainHandling = (options >> 4) & 3
  if (qos === 3) throw malformed('QoS 3 does not exist')
  if (retainHandling === 3) throw malformed('Retain Handling 3 does not exist')
  const noLocal = (options & 4) !== 0
  const { filter, group } = splitFilter(name)
  if (noLocal && group !== undefined) throw protocolError('No Local on a shared subscription') // [MQTT-3.8.3-4]
  return {
    name,
    filter,
    group,
    qos: qos === 1 ? 1 : qos === 2 ? 2 : 0,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling === 1 ? 1 : retainHandling === 2 ? 2 : 0,
  }
}

export function readUnsubscribe(reader: ByteReader, version: Version): { messageId: number; names: string[] } {
  const messageId = readId(reader)
  if (version === 5) readProperties(reader, packetTypes.unsubscribe)
  if (reader.left === 0) throw malformed('An UNSUBSCRIBE without a filter') // [MQTT-3.10.3-2]
  const names: string[] = []
  while (reader.left > 0) {
    const name = readFilter(reader)
    splitFilter(name)
    names.push(name)
  }
  return { messageId, names }
}

function readId(reader: ByteReader): number {
  const messageId = reader.twoBytes()
  if (messageId === 0) throw malformed('Packet identifier 0') // [MQTT-2.2.1-2]
  return messageId
}

/** [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] a filter that is none is malformed; one that is over a limit is refused later. */
function readFilter(reader: ByteReader): string {
  const name = reader.name()
  const problem = filterProblem(name)
  if (problem !== undefined) throw malformed(`The filter ${problem}`)
  return name
}

/** SUBACK and UNSUBACK; 3.1.1 has no codes in the latter. */
export function writeSubscriptionAnswer(
  type: 9 | 11,
  messageId: number,
  codes: readonly number[],
  version: Version,
): Buffer {
  const id = Buffer.from([messageId >> 8, messageId & 0xff])
  if (version === 5) return toPacket(type << 4, id, Buffer.from([0]), Buffer.from(codes))
  return type === packetTypes.unsuback ? toPacket(0xb0, id) : toPacket(0x90, id, Buffer.from(codes))
}
