import { expect, test } from 'vitest'
import { createInbox, type InboxLimits } from './inbox.ts'
import { createIntake } from './intake.ts'
import { createPacker, type Entry, type Frame } from './wire.ts'

const limits: InboxLimits = {
  messagesPerSecond: 100,
  textPerSecond: 100_000,
  maxFrameText: 8_000,
  maxWaitingFrames: 50,
  maxWaitingText: 10_000,
  maxWaitingBytes: 1_000,
}
const frameOf = (messages: number, bytes = 0, op = 'op'): Frame => {
  const packer = createPacker()
  for (let id = 1; id <= messages; id += 1)
    packer.add({ kind: 'cast', id, op, value: undefined, bytes: bytes > 0 ? [new Uint8Array(bytes)] : [] })
  return packer.take()
}

test('messages are handed on in their order, as many as are asked for', () => {
  const seen: number[] = []
  const inbox = createInbox(({ id }) => void seen.push(id))
  inbox.add(frameOf(3))
  inbox.add(frameOf(2))
  expect([inbox.take(2), inbox.waiting]).toEqual([2, true])
  expect([inbox.take(10), inbox.waiting]).toEqual([3, false])
  expect(seen).toEqual([1, 2, 3, 1, 2])
})

test('more than a guest may leave waiting ends it', () => {
  const full = (...frames: Frame[]) => {
    const inbox = createInbox(() => undefined, { limits })
    return () => frames.forEach((frame) => inbox.add(frame))
  }
  expect(full(frameOf(60), frameOf(60))).not.toThrow()
  expect(full(frameOf(1, 0, 'x'.repeat(6_000)), frameOf(1, 0, 'x'.repeat(6_000)))).toThrow('wait for the host')
  expect(full(frameOf(1, 600), frameOf(1, 600))).toThrow('1000 bytes')
  expect(full(...Array.from({ length: 50 }, () => frameOf(0)))).not.toThrow()
  expect(full(...Array.from({ length: 51 }, () => frameOf(0)))).toThrow('More than 50 batches')
})

test('what comes quicker than a guest may send waits, for as long as it was too much', async () => {
  const looked: number[] = []
  const inbox = createInbox(() => undefined, {
    limits: {
      ...limits,
      messagesPerSecond: 1_000,
      textPerSecond: 1_000_000,
      maxFrameText: 50_000,
      maxWaitingText: 50_000,
    },
    looked: ({ text }) => void looked.push(text.length),
  })
  // A second's worth at once, and as much again of it in frames with nothing in them.
  inbox.add(frameOf(1_000))
  expect([inbox.take(Infinity), inbox.pausedMs]).toEqual([1_000, 0])
  for (let count = 0; count < 20; count += 1) inbox.add(frameOf(0))
  const fromMs = performance.now()
  let taken = 0
  while (taken < 20) {
    taken += inbox.take(Infinity)
    await new Promise(setImmediate)
  }
  // The last of them needs no time after it.
  expect(performance.now() - fromMs).toBeGreaterThan(15)
  expect(looked).toHaveLength(21)
  // Also for its text.
  const wordy = createInbox(() => undefined, { limits: { ...limits, messagesPerSecond: 1_000 } })
  for (let count = 0; count < 18; count += 1) {
    wordy.add(frameOf(1, 0, 'x'.repeat(6_000)))
    wordy.take(1)
  }
  wordy.add(frameOf(1))
  expect([wordy.take(1), wordy.waiting]).toEqual([0, false])
  expect(wordy.pausedMs).toBeGreaterThan(10)
})

test('a frame that is too large is refused before it is parsed', () => {
  const inbox = createInbox(() => undefined, { limits })
  expect(() => inbox.add({ text: '['.repeat(8_001), bytes: new Uint8Array() })).toThrow('more than 8000 characters')
  expect(inbox.waiting).toBe(false)
})

test('what came and what was worked through is counted in frames', () => {
  const inbox = createInbox(() => undefined)
  inbox.add(frameOf(2))
  inbox.add(frameOf(1))
  inbox.take(1)
  expect([inbox.arrived, inbox.done]).toEqual([2, 0])
  inbox.take(1)
  expect([inbox.arrived, inbox.done]).toEqual([2, 1])
  inbox.take(1)
  expect([inbox.arrived, inbox.done]).toEqual([2, 2])
})

test('a flood of one plugin is taken over many turns of the loop, and another plugin waits for none of it', async () => {
  const intake = createIntake()
  const seen: string[] = []
  const open = (name: string) => {
    const inbox = createInbox((_entry: Entry) => void seen.push(name))
    const lane = intake.open(inbox)
    return (messages: number) => {
      inbox.add(frameOf(messages))
      lane.wake()
    }
  }
  const [flood, calm] = [open('flood'), open('calm')]
  flood(20_000)
  let turns = 0
  while (seen.length < 20_000) {
    await new Promise(setImmediate)
    turns += 1
    if (turns === 5) {
      calm(1)
      await new Promise(setImmediate)
      await new Promise(setImmediate)
      expect(seen).toContain('calm')
    }
  }
  expect(turns).toBeGreaterThan(20)
})
