import { expect, test } from 'vitest'
import { AnswerReader, toConnect, toPublish } from './wire.ts'

test('a PUBLISH has its identifier where it says', () => {
  const { bytes, idAt } = toPublish('sensors/a/t', '21.5', 1)
  bytes.writeUInt16BE(0x0102, idAt)
  expect(bytes.toString('latin1')).toBe('\x32\x13\x00\x0bsensors/a/t\x01\x0221.5')
  expect(toPublish('t', 'x'.repeat(200), 0).bytes.subarray(0, 3)).toEqual(Buffer.from([0x30, 0xcb, 0x01]))
})

test('a CONNECT says who it is', () => {
  const bytes = toConnect({ id: 'd1', password: 'pw' }, 60)
  expect(bytes.toString('latin1')).toBe('\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x08bench-d1\x00\x02d1\x00\x02pw')
})

test('answers are read in whatever pieces they come', () => {
  const bytes = Buffer.from([0x20, 2, 0, 0, 0x40, 2, 1, 2, 0xd0, 0, 0x40, 2, 0xff, 0xfe])
  for (let cut = 0; cut <= bytes.length; cut++) {
    const seen: number[][] = []
    const reader = new AnswerReader()
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      reader.read(piece, piece.length, (type, id) => seen.push([type, id]))
    }
    expect(seen).toEqual([
      [2, 0],
      [4, 0x0102],
      [13, 0],
      [4, 0xfffe],
    ])
  }
})
