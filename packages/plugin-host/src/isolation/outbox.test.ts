import { expect, test } from 'vitest'
import { createFrameReceipts, maxBytesAhead, maxFramesAhead, maxTextAhead } from './frame-window.ts'
import { batchEntries, createOutbox, crowdedCasts, maxHeldCasts } from './outbox.ts'
import { type Entry, type Frame, fromFrame } from './wire.ts'

const castOf = (value: unknown, bytes: readonly Uint8Array[] = []): Entry => ({
  kind: 'cast',
  id: 0,
  op: 'op',
  value,
  bytes,
})
const open = () => {
  const sent: Frame[] = []
  const outbox = createOutbox((frame) => void sent.push(frame), true)
  const values = (): unknown[] => sent.flatMap((frame) => fromFrame(frame).map(({ value }) => value))
  return { sent, outbox, values }
}

test('what is sent waits for what the host has looked at, in its order, and nothing of it is lost', () => {
  const { sent, outbox, values } = open()
  const total = batchEntries * (maxFramesAhead * 3 + 1) + 7
  for (let value = 0; value < total; value += 1) outbox.post(castOf(value))
  expect(sent).toHaveLength(maxFramesAhead)
  for (let looked = 1; values().length < total; looked += 1) {
    outbox.looked(looked)
    expect(sent.length - looked).toBeLessThanOrEqual(maxFramesAhead)
  }
  expect(values()).toEqual(Array.from({ length: total }, (_, index) => index))
})

test('few that are large wait as well, and the host tells of them before the guest has to stop for ever', () => {
  for (const of of [castOf('x'.repeat(1_000_000)), castOf(0, [new Uint8Array(3_000_000)])]) {
    const { sent, outbox, values } = open()
    const told: number[] = []
    const receipts = createFrameReceipts((frames) => void told.push(frames))
    for (let count = 0; count < 20; count += 1) outbox.post(of)
    const ahead = sent.length
    expect(ahead).toBeLessThan(4)
    for (let taken = 0; taken < sent.length; taken += 1) {
      const frame = sent[taken]
      if (frame) receipts.looked(frame)
      for (const frames of told.splice(0)) outbox.looked(frames)
      const text = sent.slice(taken + 1).reduce((sum, each) => sum + each.text.length, 0)
      const bytes = sent.slice(taken + 1).reduce((sum, each) => sum + each.bytes.length, 0)
      expect(text).toBeLessThan(maxTextAhead + 1_100_000)
      expect(bytes).toBeLessThan(maxBytesAhead + 3_100_000)
    }
    expect(values()).toHaveLength(20)
  }
})

test('what must not wait goes before what does', () => {
  const { outbox, values } = open()
  for (let value = 0; value < batchEntries * (maxFramesAhead + 2); value += 1) outbox.post(castOf(value))
  outbox.postFirst(castOf('here'))
  outbox.looked(1)
  expect(values().at(-1)).toBe('here')
})

test('messages without an answer that wait are bounded', () => {
  const { sent, outbox } = open()
  const ahead = maxFramesAhead * batchEntries
  for (let value = 0; value < ahead; value += 1) outbox.post(castOf(value))
  // However many went: these wait.
  for (let value = 0; value < crowdedCasts; value += 1) {
    expect(outbox.crowded).toBe(false)
    outbox.post(castOf(value))
  }
  expect(outbox.crowded).toBe(true)
  for (let value = crowdedCasts; value < maxHeldCasts; value += 1) outbox.post(castOf(value))
  expect(() => outbox.post(castOf(0))).toThrow(`${maxHeldCasts} messages wait for the host already.`)
  // A call has limits of its own.
  expect(() => outbox.post({ ...castOf(0), kind: 'call' })).not.toThrow()
  for (let looked = 1; outbox.crowded; looked += 1) outbox.looked(looked)
  expect(sent.length).toBeGreaterThan((maxHeldCasts - crowdedCasts) / batchEntries)
  expect(() => outbox.post(castOf(0))).not.toThrow()
})
