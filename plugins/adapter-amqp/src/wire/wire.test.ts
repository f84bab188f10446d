import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Splitter, toFrame } from './frames.ts'
import { readMessage, writeMessage } from './message.ts'
import { Described, Opaque, Reader, type Value } from './reader.ts'
import { Violation } from './violation.ts'
import * as write from './writer.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const read = (text: string): Value => new Reader(hex(text)).value()

describe('the reader', () => {
  test.each<[string, Value]>([
    ['40', null],
    ['41', true],
    ['56 00', false],
    ['43', 0],
    ['52 07', 7],
    ['70 ff ff ff ff', 4_294_967_295],
    ['80 00 00 00 00 00 00 01 00', 256],
    ['80 ff ff ff ff ff ff ff ff', 18_446_744_073_709_551_615n],
    ['55 ff', -1],
    ['81 ff ff ff ff ff ff ff fe', -2],
    ['82 3f f8 00 00 00 00 00 00', 1.5],
    ['a0 02 01 02', Buffer.from([1, 2])],
    ['a1 02 c3 a4', 'ä'],
    ['a3 02 61 62', 'ab'],
    ['45', []],
    ['c0 04 02 41 52 05', [true, 5]],
    ['d0 00 00 00 06 00 00 00 02 41 42', [true, false]],
    ['e0 04 02 50 01 02', [1, 2]],
    ['e0 06 02 a3 01 61 01 62', ['a', 'b']],
    ['c1 06 02 a1 01 61 52 05', new Opaque(0xc1)],
    ['00 53 24 45', new Described(0x24, [])],
    ['00 a3 01 61 a1 01 62', new Described('a', 'b')],
  ])('%s', (text, value) => expect(read(text)).toEqual(value))

  test.each([
    ['nothing', ''],
    ['a type that is none', '3f'],
    ['a text beyond the end', 'a1 05 61'],
    ['a text of 4 GiB', 'b1 ff ff ff ff 61'],
    ['a text that is not UTF-8', 'a1 02 c3 28'],
    ['a boolean of 2', '56 02'],
    ['a list beyond the end', 'c0 09 01 41'],
    ['a list of more than it holds', 'c0 03 05 41 41'],
    ['a list of less than it holds', 'c0 03 01 41 41'],
    ['a list of size 0', 'c0 00'],
    ['a list of 2^32 values', 'd0 00 00 00 05 ff ff ff ff 41'],
    ['an array of 2^32 nulls', 'f0 00 00 00 05 ff ff ff ff 40'],
    ['a map with a lonely key', 'c1 02 01 41'],
    ['a descriptor that is a list', '00 45 45'],
    ['a described value without a value', '00 53 24'],
    ['an array of described values', 'e0 05 01 00 53 24 45'],
    ['what is deeper than 16', 'c0 03 01 '.repeat(3) + '00 53 01 '.repeat(20) + '41'],
  ])('refuses %s', (_what, text) => expect(() => read(text)).toThrow(Violation))

  test('10,000 nulls in one array of few bytes are enough', () => {
    const arrays = Array.from({ length: 50 }, () => hex('f0 00 00 00 05 00 00 27 10 40'))
    const head = hex('d0 00 00 00 00 00 00 00 32')
    head.writeUInt32BE(4 + 50 * 10, 1)
    expect(() => new Reader(Buffer.concat([head, ...arrays])).value()).toThrow('More than 10000 values')
  })

  test('whatever bytes come, it answers or says why not, and reads nothing twice', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const reader = new Reader(Buffer.from(bytes))
        try {
          reader.value()
          expect(reader.at).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(Violation)
        }
      }),
      { seed, numRuns: 3_000 },
    )
  })
})

test('what is written is read as it was', () => {
  const long = 'x'.repeat(300)
  const fields = [
    write.uint(0),
    write.uint(255),
    write.uint(70_000),
    write.ulong(1e10),
    write.ushort(9),
    write.ubyte(3),
    write.boolean(true),
    write.nothing,
    write.text(long),
    write.symbol('s'),
    write.symbols(['a', 'bc']),
    write.binary(Buffer.from([1])),
    write.nothing,
  ]
  expect(new Reader(write.composite(0x10, fields)).value()).toEqual(
    new Described(0x10, [0, 255, 70_000, 1e10, 9, 3, true, null, long, 's', ['a', 'bc'], Buffer.from([1])]),
  )
})

test('messages keep their bytes and topic', () => {
  const bytes = Buffer.from('{"a":1}')
  expect(readMessage(writeMessage('a/b', bytes))).toEqual({ bytes, to: 'a/b', contentType: undefined })
  // Sections of every other kind are passed over.
  const around = hex('00 53 70 45 00 53 72 c1 01 00 00 53 74 c1 06 02 a1 01 61 52 05')
  expect(readMessage(Buffer.concat([around, writeMessage('a/b', bytes), hex('00 53 78 c1 01 00')])).to).toBe('a/b')
  expect(() => readMessage(hex('00 53 70 45'))).toThrow('body')
})

describe('the splitter', () => {
  test('gives whole frames, however they arrive', () => {
    const splitter = new Splitter()
    const frames = [toFrame(0, 1, [Buffer.from('abc')]), toFrame(1, 2, []), toFrame(0, 3, [Buffer.from('d')])]
    const seen: (number | string)[] = []
    for (const byte of Buffer.concat(frames)) {
      splitter.push(Buffer.from([byte]))
      const frame = splitter.frame(512)
      if (frame) seen.push(frame.channel, frame.bytes.subarray(frame.start).toString())
    }
    expect(seen).toEqual([1, 'abc', 2, '', 3, 'd'])
  })

  test.each([
    ['smaller than its head', '00 00 00 07 02 00 00'],
    ['announced too large', '7f ff ff ff'],
    ['with its body before it', '00 00 00 08 01 00 00 00'],
    ['with its body behind it', '00 00 00 08 03 00 00 00'],
  ])('refuses a frame %s', (_what, text) => {
    const splitter = new Splitter()
    splitter.push(hex(text))
    expect(() => splitter.frame(512)).toThrow(Violation)
  })
})
