import { expect, test } from 'vitest'
import { createReassembly, fragmentsOf, readFragments } from './handshake-message.ts'

const message = { type: 16, sequence: 4, body: Buffer.from('a message that is cut into pieces') }
const pieces = [...fragmentsOf(message, 5)].flatMap((piece) => readFragments(piece))

test('puts a message together from pieces in any order, that overlap and come twice', () => {
  const reassembly = createReassembly(4)
  const overlapping = [...fragmentsOf(message, 7)].flatMap((piece) => readFragments(piece))
  for (const piece of [...pieces.slice(1).toReversed(), ...overlapping.slice(1)]) reassembly.add(piece)
  expect(reassembly.take()).toBeUndefined()
  for (const piece of pieces.slice(0, 1)) reassembly.add(piece)
  expect(reassembly.take()).toEqual(message)
  expect(reassembly.next).toBe(5)
})

test('leaves out what is old, too far ahead, or says another length or type than the piece before', () => {
  const reassembly = createReassembly(4)
  const [first] = pieces
  if (!first) throw new Error('no piece')
  reassembly.add({ ...first, sequence: 3 })
  reassembly.add({ ...first, sequence: 8 })
  reassembly.add(first)
  reassembly.add({ ...first, length: 5 })
  reassembly.add({ ...first, type: 20, offset: 5 })
  expect(reassembly.take()).toBeUndefined()
})

test('reads no message that announces more than is ever held', () => {
  const [piece] = [...fragmentsOf({ ...message, body: Buffer.alloc(5000) }, 10)]
  expect(readFragments(piece ?? Buffer.alloc(0))).toEqual([])
})
