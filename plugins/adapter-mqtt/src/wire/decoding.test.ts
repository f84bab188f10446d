import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAcknowledgement, readDisconnect } from './acknowledgement.ts'
import { ByteReader, toName, toText } from './byte-reader.ts'
import { variableBytes } from './byte-writer.ts'
import { readConnect, readVersion, type Version } from './connect.ts'
import { packetTypes, readHeader } from './framing.ts'
import { readProperties, type Properties } from './properties.ts'
import { writeProperties } from './property-writer.ts'
import { readPublish, writePublish, type PublishParts } from './publish.ts'
import { readSubscribe, readUnsubscribe, splitFilter } from './subscription.ts'
import { Violation } from './violation.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const reader = (bytes: Buffer) => new ByteReader(bytes, 0, bytes.length)

/** The code a packet is refused with; undefined when it is taken. */
function codeOf(text: string, version: Version): number | undefined {
  const bytes = hex(text)
  try {
    const header = readHeader(bytes, 0)
    if (header instanceof Violation) return header.reasonCode
    if (header === undefined) throw new Error('the packet is not whole')
    expect(header.headerBytes + header.bodyBytes).toBe(bytes.length)
    const body = new ByteReader(bytes, header.headerBytes, bytes.length)
    if (header.type === packetTypes.connect) {
      const spoken = readVersion(body)
      if (spoken !== 'unsupported') readConnect(body, spoken)
    } else if (header.type === packetTypes.publish) readPublish(bytes, 0, header, version, newParts())
    else if (header.type === packetTypes.subscribe) readSubscribe(body, version)
    else if (header.type === packetTypes.unsubscribe) readUnsubscribe(body, version)
    else if (header.type === packetTypes.disconnect) readDisconnect(body, version)
    else readAcknowledgement(body, header.type, version)
    return undefined
  } catch (error) {
    if (error instanceof Violation) return error.reasonCode
    throw error
  }
}

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

describe('a packet', () => {
  const cases: [string, Version, string, number | undefined][] = [
    ['with a length of five bytes', 5, '30 ff ff ff ff 01', 0x81],
    ['of type 0', 5, '00 00', 0x82],
    ['that only a server sends', 5, '20 02 00 00', 0x82],
    ['AUTH that nobody asked for', 5, 'f0 00', 0x82],
    ['PINGREQ with flags', 5, 'c1 00', 0x81],
    ['SUBSCRIBE without its flag', 5, '80 07 00 01 00 00 01 61 00', 0x81],
    ['PUBLISH of QoS 3', 5, '36 04 00 01 61 00', 0x81],
    ['PUBLISH with DUP at QoS 0', 4, '38 03 00 01 61', 0x81],
    ['PUBLISH with id 0', 5, '32 06 00 01 61 00 00 00', 0x82],
    ['PUBLISH without room for its id', 4, '32 03 00 01 61', 0x81],
    ['PUBLISH whose topic is longer than it', 4, '30 03 00 05 61', 0x81],
    ['PUBLISH with an alias of 0', 5, '30 07 00 01 61 03 23 00 00', 0x94],
    ['PUBLISH with a property twice', 5, '30 08 00 01 61 04 01 00 01 00', 0x82],
    ['PUBLISH with a format that is neither 0 nor 1', 5, '30 06 00 01 61 02 01 02', 0x82],
    ['PUBLISH with an empty Response Topic', 5, '30 07 00 01 61 03 08 00 00', 0x81],
    ['PUBLISH with a wildcard in the Response Topic', 5, '30 08 00 01 61 04 08 00 01 23', 0x82],
    ['PUBLISH with a subscription identifier', 5, '30 06 00 01 61 02 0b 01', 0x82],
    ['PUBLISH with an unknown property', 5, '30 06 00 01 61 02 7e 00', 0x81],
    ['PUBLISH with properties beyond its end', 5, '30 04 00 01 61 7f', 0x81],
    ['PUBLISH with user properties', 5, '30 0b 00 01 61 07 26 00 01 61 00 01 62', undefined],
    ['SUBSCRIBE without filters', 4, '82 02 00 01', 0x81],
    ['SUBSCRIBE with id 0', 4, '82 06 00 00 00 01 61 00', 0x81],
    ['SUBSCRIBE to nothing', 4, '82 05 00 01 00 00 00', 0x81],
    ['SUBSCRIBE to a#', 4, '82 07 00 01 00 02 61 23 00', 0x81],
    ['SUBSCRIBE to a+', 4, '82 07 00 01 00 02 61 2b 00', 0x81],
    ['SUBSCRIBE with reserved bits in 3.1.1', 4, '82 06 00 01 00 01 61 04', 0x81],
    ['SUBSCRIBE with Retain Handling 3', 5, '82 07 00 01 00 00 01 61 30', 0x81],
    ['SUBSCRIBE with identifier 0', 5, '82 09 00 01 02 0b 00 00 01 61 00', 0x82],
    ['SUBSCRIBE with No Local on a group', 5, '82 10 00 01 00 00 0a 24 73 68 61 72 65 2f 67 2f 61 04', 0x82],
    ['SUBSCRIBE to a group without a filter', 5, '82 0f 00 01 00 00 09 24 73 68 61 72 65 2f 67 2f 00', 0x82],
    ['UNSUBSCRIBE without filters', 4, 'a2 02 00 01', 0x81],
    ['PUBACK without an id', 4, '40 00', 0x81],
    ['PUBACK with id 0', 4, '40 02 00 00', 0x82],
    ['PUBACK that is too long', 4, '40 03 00 01 00', 0x81],
    ['PUBACK with a code that does not exist', 5, '40 03 00 01 ff', 0x82],
    ['PUBREL with a code of PUBACK', 5, '62 03 00 01 80', 0x82],
    ['PUBACK with another packet’s property', 5, '40 06 00 01 00 02 01 00', 0x82],
    ['DISCONNECT with a body in 3.1.1', 4, 'e0 01 00', 0x81],
    ['CONNECT with the reserved flag', 4, '10 0d 00 04 4d 51 54 54 04 03 00 00 00 01 61', 0x81],
    ['CONNECT with will flags and no will', 4, '10 0d 00 04 4d 51 54 54 04 22 00 00 00 01 61', 0x81],
    ['CONNECT with a will of QoS 3', 4, '10 13 00 04 4d 51 54 54 04 1e 00 00 00 01 61 00 01 61 00 01 61', 0x81],
    ['CONNECT with a password alone in 3.1.1', 4, '10 10 00 04 4d 51 54 54 04 42 00 00 00 01 61 00 01 61', 0x81],
    ['CONNECT with a password alone in 5', 5, '10 11 00 04 4d 51 54 54 05 42 00 00 00 00 01 61 00 01 61', undefined],
    ['CONNECT with more than its flags say', 4, '10 10 00 04 4d 51 54 54 04 02 00 00 00 01 61 00 01 61', 0x81],
    ['CONNECT with Receive Maximum 0', 5, '10 11 00 04 4d 51 54 54 05 02 00 00 03 21 00 00 00 01 61', 0x82],
    ['CONNECT with Maximum Packet Size 0', 5, '10 13 00 04 4d 51 54 54 05 02 00 00 05 27 00 00 00 00 00 01 61', 0x82],
    ['CONNECT with authentication data alone', 5, '10 12 00 04 4d 51 54 54 05 02 00 00 04 16 00 01 61 00 01 61', 0x82],
    ['CONNECT with a control character in its id', 4, '10 0d 00 04 4d 51 54 54 04 02 00 00 00 01 01', 0x81],
    ['CONNECT with a will on a wildcard', 4, '10 13 00 04 4d 51 54 54 04 06 00 00 00 01 61 00 01 2b 00 01 61', 0x90],
  ]
  it.each(cases)('%s (version %i) is answered as the specification says', (_what, version, text, code) => {
    expect(codeOf(text, version)).toBe(code)
  })
})

describe('a text', () => {
  it.each([
    ['overlong', 'c0 80'],
    ['cut', 'e2 82'],
    ['a surrogate', 'ed a0 80'],
    ['U+0000', '61 00'],
    ['beyond U+10FFFF', 'f4 90 80 80'],
  ])('that is %s is malformed', (_what, bytes) => {
    expect(() => toText(hex(bytes))).toThrow(Violation)
  })

  it.each(['\u0001', '\u001f', '\u007f', '\u009f', '\ufffe', '\uffff', '\ufdd0', '\u{1ffff}', '\u{10fffe}'])(
    'with %j is no name',
    (text) => {
      expect(() => toName(Buffer.from(`a${text}`))).toThrow(Violation)
      expect(toText(Buffer.from(text))).toBe(text)
    },
  )

  it('of anything else is a name as it is', () => {
    for (const text of ['ä/ö', '温度', '\u{1f600}', 'a b', '\u00a0', '\ud7ff\ue000']) {
      expect(toName(Buffer.from(text))).toBe(text)
    }
  })
})

/** Without the copy of their bytes. */
const apart = ({ forwarded: _bytes, ...rest }: Properties = {}) => rest

describe('what is written', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((one) => !one.includes('\0') && one.isWellFormed())
  const properties = fc.record(
    {
      payloadFormatIndicator: fc.nat(1),
      messageExpiryInterval: fc.nat(0xffff_ffff),
      contentType: text,
      topicAlias: fc.integer({ min: 1, max: 65_535 }),
      correlationData: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      userProperties: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 }),
    },
    { requiredKeys: [] },
  )

  it('is read again as it was: properties', () => {
    fc.assert(
      fc.property(properties, (given) => {
        const read = readProperties(reader(writeProperties(given)), packetTypes.publish)
        expect(apart(read)).toEqual(given)
      }),
    )
  })

  it('is passed on as it came, in its order, but for what is between publisher and server', () => {
    const given = hex('26 00 01 61 00 01 62 02 00 00 00 05 08 00 01 72 26 00 01 63 00 01 64 01 01')
    const read = readProperties(reader(Buffer.concat([Buffer.from([given.length]), given])), packetTypes.publish)
    const { messageExpiryInterval: _expiry, ...forwarded } = read ?? {}
    expect(writeProperties(forwarded).subarray(1)).toEqual(
      hex('26 00 01 61 00 01 62 08 00 01 72 26 00 01 63 00 01 64 01 01'),
    )
  })

  it('is read again as it was: a PUBLISH', () => {
    const packet = fc.record({
      topic: text.filter((one) => one !== '').map((one) => Buffer.from(one)),
      payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      qos: fc.constantFrom<(0 | 1 | 2)[]>(0, 1, 2),
      retain: fc.boolean(),
      dup: fc.constant(false),
      messageId: fc.integer({ min: 1, max: 65_535 }),
      properties,
    })
    fc.assert(
      fc.property(packet, fc.constantFrom<Version[]>(4, 5), (given, version) => {
        const bytes = writePublish(given, version)
        const header = readHeader(bytes, 0)
        if (header === undefined || header instanceof Violation) throw new Error('no header')
        const parts = newParts()
        readPublish(bytes, 0, header, version, parts)
        expect(bytes.subarray(parts.topicFrom, parts.topicEnd)).toEqual(given.topic)
        expect(bytes.subarray(parts.payloadFrom, parts.payloadEnd)).toEqual(given.payload)
        expect(parts).toMatchObject({ qos: given.qos, retain: given.retain })
        expect(parts.messageId).toBe(given.qos === 0 ? 0 : given.messageId)
        if (version === 5) expect(apart(parts.properties)).toEqual(given.properties)
      }),
    )
  })

  it('is read again as it was: a variable byte integer', () => {
    fc.assert(fc.property(fc.nat(268_435_455), (value) => reader(variableBytes(value)).variable() === value))
    expect(() => reader(hex('80 80 80 80 01')).variable()).toThrow(Violation)
  })
})

it('no bytes at all make a reader do anything but read or refuse', () => {
  const versions = fc.constantFrom<Version[]>(3, 4, 5)
  fc.assert(
    fc.property(fc.nat(255), fc.uint8Array({ maxLength: 60 }), versions, (first, body, version) => {
      const packet = Buffer.concat([Buffer.from([first]), variableBytes(body.length), Buffer.from(body)])
      codeOf(packet.toString('hex'), version)
    }),
    { numRuns: 2_000 },
  )
})

it('a shared filter has a group and a filter', () => {
  expect(splitFilter('$share/g/a/+')).toEqual({ group: 'g', filter: 'a/+' })
  expect(splitFilter('a/+')).toEqual({ group: undefined, filter: 'a/+' })
  for (const bad of ['$share/', '$share/g', '$share/g/', '$share//a', '$share/+/a', '$share/g#/a']) {
    expect(() => splitFilter(bad)).toThrow(Violation)
  }
})
