import { expect, test } from 'vitest'
import { createFakeClock } from '../../test/world.ts'
import { createChannel, type Handler, type Transport } from './channel.ts'
import type { Backlog } from './intake.ts'
import { createPing } from './ping.ts'
import type { Frame } from './wire.ts'

const everyMs = 5_000
const noLimits = {
  messagesPerSecond: Infinity,
  textPerSecond: Infinity,
  maxFrameText: Infinity,
  maxWaitingFrames: Infinity,
  maxWaitingText: Infinity,
  maxWaitingBytes: Infinity,
}

/** A guest whose messages the host takes only when the test says so. */
const open = (ping: Handler) => {
  let backlog: Backlog | undefined
  let toHost: (frame: Frame) => void = () => undefined
  let toGuest: (frame: Frame) => void = () => undefined
  const end = (receive: (hear: (frame: Frame) => void) => void, send: Transport['send']): Transport => ({
    receive,
    send,
  })
  const broken = (error: Error): void => {
    throw error
  }
  const host = createChannel({
    transport: end(
      (hear) => void (toHost = hear),
      (frame) => toGuest(frame),
    ),
    handlers: new Map([['noise', () => undefined]]),
    broken,
    untrusted: {
      ...noLimits,
      intake: {
        open(of) {
          backlog = of
          return { wake: () => undefined, close: () => undefined }
        },
      },
    },
  })
  const guest = createChannel({
    transport: end(
      (hear) => void (toGuest = hear),
      (frame) => toHost(frame),
    ),
    handlers: new Map([['ping', ping]]),
    broken,
  })
  const clock = createFakeClock()
  const hung: string[] = []
  createPing({
    channel: host,
    clock,
    everyMs,
    look: () => undefined,
    hung: ({ message }) => void hung.push(message),
  }).start()
  return { clock, hung, guest, take: (most: number) => backlog?.take(most) }
}
const silent: Handler = () => new Promise(() => undefined)

test('a guest that does not answer two pings is taken for stuck', async () => {
  const { clock, hung } = open(silent)
  await clock.advance(2 * everyMs)
  expect(hung).toEqual([])
  await clock.advance(everyMs)
  expect(hung).toEqual(['It did not answer for 10 s: its code does not come to an end.'])
})

test('an answer that waits to be looked at is no missed one', async () => {
  const { clock, hung, guest, take } = open(() => 'here')
  for (let count = 0; count < 1000; count += 1) guest.cast('noise')
  await clock.advance(6 * everyMs)
  expect(hung).toEqual([])
  take(Infinity)
  await clock.advance(everyMs)
  expect(hung).toEqual([])
})

test('a guest that sends without end and never answers is ended when that is worked through which came in time', async () => {
  const { clock, hung, guest, take } = open(silent)
  const flood = async (): Promise<void> => {
    for (let count = 0; count < 400; count += 1) guest.cast('noise')
    await clock.advance(everyMs)
  }
  for (let round = 0; round < 3; round += 1) await flood()
  // There is always something left to take: one batch more comes in each turn than is taken.
  for (let round = 0; round < 30 && hung.length === 0; round += 1) {
    take(200)
    await flood()
  }
  expect(hung).toEqual([expect.stringContaining('It did not answer for')])
})
