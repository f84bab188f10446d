import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toConnect } from '../test/connect-bytes.ts'
import { readConnect } from './connect-packet.ts'

const max = 65_536

describe('a whole CONNECT', () => {
  test.each([
    ['3.1', { name: 'MQIsdp', level: 3 }],
    ['3.1.1', { name: 'MQTT', level: 4 }],
    ['5', { name: 'MQTT', level: 5, properties: Buffer.from([0x11, 0, 0, 0, 60]) }],
  ])('of MQTT %s gives name, level and client id', (_, how) => {
    const read = readConnect(toConnect({ ...how, clientId: 'tank-7' }), max)
    expect(read).toMatchObject({ kind: 'connect', protocolName: how.name, protocolLevel: how.level })
    expect(read.kind === 'connect' && read.clientId.toString()).toBe('tank-7')
  })

  test('with long properties, user, password and what follows it is read the same', () => {
    const properties = Buffer.concat([Buffer.from([0x15, 0x00, 0xc8]), Buffer.alloc(200, 'a')])
    const bytes = toConnect({ level: 5, clientId: 'x', properties, rest: Buffer.alloc(500, 1) })
    const read = readConnect(Buffer.concat([bytes, Buffer.from('next packet')]), max)
    expect(read.kind === 'connect' && read.clientId.toString()).toBe('x')
  })
})

describe('malformed', () => {
  test('every truncation asks for more, and none of them is taken', () => {
    for (const how of [
      { level: 4 },
      { level: 5, properties: Buffer.from([0x11, 0, 0, 0, 60]) },
      { level: 3, name: 'MQIsdp' },
    ]) {
      const bytes = toConnect({ ...how, clientId: 'abc', rest: Buffer.from('user and password') })
      for (let cut = 0; cut < bytes.length; cut++) expect(readConnect(bytes.subarray(0, cut), max).kind).toBe('more')
    }
  })

  test('every length that lies about what follows is bad, not waited for', () => {
    const bytes = toConnect({ level: 5, clientId: 'abcdef', properties: Buffer.from([0x11, 0, 0, 0, 60]) })
    // The announced end is moved before the client id’s end, byte by byte.
    for (let short = 1; short < bytes.length - 2; short++) {
      const lie = Buffer.from(bytes)
      lie[1] = bytes.length - 2 - short
      expect(readConnect(lie, max).kind).toBe('bad')
    }
  })

  test.each([
    ['another packet', Buffer.from([0x20, 2, 0, 0])],
    ['flags in the first byte', Buffer.from([0x11, 12])],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0])],
    ['a length of five bytes', Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 1])],
    ['a length over the limit', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
    ['an empty packet', Buffer.from([0x10, 0])],
  ])('%s is refused at once', (_, bytes) => {
    expect(readConnect(bytes, max)).toMatchObject({ kind: 'bad', why: expect.stringMatching(/\.$/) })
  })

  test('all levels and random bytes are answered, never thrown at', () => {
    for (let level = 0; level <= 255; level++)
      expect(['connect', 'bad']).toContain(readConnect(toConnect({ level, clientId: 'a' }), max).kind)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (tail) => {
        const read = readConnect(Buffer.concat([Buffer.from([0x10]), tail]), max)
        expect(['connect', 'bad', 'more']).toContain(read.kind)
      }),
      { numRuns: 2_000 },
    )
  })
})
