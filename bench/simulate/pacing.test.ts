import { describe, expect, test } from 'vitest'
import { createMessages } from './message.ts'
import { play, type PlayClock } from './player.ts'
import { createRandom } from './random.ts'
import type { Recording } from './recording.ts'
import { byRate, bySpeed, type Due } from './schedule.ts'

const startMs = 1_700_000_000_000

const recording = (...ats: number[]): Recording => ({
  device: 'd',
  type: { id: 't', title: 'T', keys: [] },
  readings: ats.map((at) => ({ device: 'd', at, values: { n: at } })),
  roundGapMs: 500,
})

/** Time moves only by sleeping, and `oversleepMs` too far each time: a busy machine. */
function createFakeClock(oversleepMs = 0): PlayClock & { time: number } {
  const clock = {
    time: startMs,
    now: () => clock.time,
    sleep: async (ms: number) => {
      clock.time += ms + (ms > 0 ? oversleepMs : 0)
    },
  }
  return clock
}

const take = (schedule: Iterable<Due>, count: number) => {
  const dues: Due[] = []
  for (const due of schedule) {
    if (dues.push(due) === count) break
  }
  return dues
}

describe('schedules', () => {
  test('by rate: evenly, devices in turn, each walking its own recording in a circle', () => {
    const walks = [
      { recording: recording(0, 10), first: 0 },
      { recording: recording(5), first: 0 },
    ]
    const dues = take(byRate(walks, 4, startMs), 6)
    expect(dues.map(({ at }) => at - startMs)).toEqual([0, 250, 500, 750, 1000, 1250])
    expect(dues.map(({ device }) => device)).toEqual([0, 1, 0, 1, 0, 1])
    expect(dues.filter(({ device }) => device === 0).map(({ reading }) => reading.at)).toEqual([0, 10, 0])
  })

  test('by speed: recorded distances divided by the speed, over all devices in order of time', () => {
    const walks = [
      { recording: recording(0, 1000, 5000), first: 0 },
      { recording: recording(0, 300), first: 1 },
    ]
    const dues = take(
      bySpeed(walks, 10, startMs, () => 0),
      9,
    )
    expect(dues.map(({ at }) => at)).toEqual(dues.map(({ at }) => at).sort((a, b) => a - b))
    const of = (index: number) => dues.filter(({ device }) => device === index).map(({ at }) => at - startMs)
    expect(of(0)).toEqual([0, 100])
    expect(of(1).slice(0, 4)).toEqual([0, 50, 80, 130])
  })

  test('a recording whose readings share one time still moves on', () => {
    const dues = take(
      bySpeed([{ recording: recording(7, 7, 7), first: 0 }], 1, startMs, () => 0),
      5,
    )
    expect(new Set(dues.map(({ at }) => at)).size).toBe(5)
  })

  test('the same seed gives the same walk', () => {
    const one = createRandom(42)
    const two = createRandom(42)
    expect([one(), one(), one()]).toEqual([two(), two(), two()])
    expect(createRandom(43)()).not.toBe(createRandom(42)())
  })
})

describe('the player', () => {
  const walks = [{ recording: recording(0, 10), first: 0 }]

  test('sends no message early and does not drift, however late each timer is', async () => {
    const clock = createFakeClock(3)
    const late: number[] = []
    const end = await play(byRate(walks, 100, startMs), {
      clock,
      signal: new AbortController().signal,
      untilMs: startMs + 10_000,
      maxInFlight: 10,
      send: async ({ at }) => {
        late.push(clock.now() - at)
      },
    })
    expect(end.sent).toBe(1000)
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
    // 1,000 timers, each 3 ms late: with drift the last message would be 3 s behind.
    expect(Math.max(...late)).toBeLessThanOrEqual(3.001)
    expect(end.worstLagMs).toBeLessThanOrEqual(3.001)
  })

  test('waits for room when as many messages are on their way as permitted, and loses none', async () => {
    const clock = createFakeClock()
    const open: (() => void)[] = []
    let most = 0
    const playing = play(byRate(walks, 1000, startMs), {
      clock,
      signal: new AbortController().signal,
      untilMs: startMs + 20,
      maxInFlight: 4,
      send: () => {
        const { promise, resolve } = Promise.withResolvers<void>()
        open.push(resolve)
        most = Math.max(most, open.length)
        return promise
      },
    })
    let settled = 0
    while (settled < 20) {
      await new Promise((resolve) => setImmediate(resolve))
      const resolve = open.shift()
      if (!resolve) continue
      resolve()
      settled++
    }
    expect((await playing).sent).toBe(20)
    expect(most).toBe(4)
  })

  test('gives the rest of the plan up when the time is over and the other side was too slow', async () => {
    const clock = createFakeClock()
    const end = await play(byRate(walks, 1000, startMs), {
      clock,
      signal: new AbortController().signal,
      untilMs: startMs + 1000,
      maxInFlight: 1,
      send: async () => {
        clock.time += 100
      },
    })
    expect(end.sent).toBe(16)
    expect(end.worstLagMs).toBeGreaterThan(1000)
  })

  test('stops at once when told to, after what is on its way has ended', async () => {
    const clock = createFakeClock()
    const stop = new AbortController()
    const end = await play(byRate(walks, 1000, startMs), {
      clock,
      signal: stop.signal,
      untilMs: Infinity,
      maxInFlight: 4,
      send: async ({ at }) => {
        if (at >= startMs + 9) stop.abort()
      },
    })
    expect(end.sent).toBe(10)
  })
})

describe('messages', () => {
  const due = (at: number, values = { n: 1 }): Due => ({ device: 0, at, reading: { device: 'd', at: 0, values } })

  test('no two messages of a device share a time', () => {
    const toMessage = createMessages({ devices: 1, time: 'given', withFaults: false })
    const times = [due(startMs), due(startMs), due(startMs - 5), due(startMs + 1)].map(
      (each) => JSON.parse(toMessage(each).payload).ts,
    )
    expect(times).toEqual([startMs, startMs + 0.001, startMs + 0.002, startMs + 1])
  })

  test('arrival time leaves the ts to the platform', () => {
    const toMessage = createMessages({ devices: 1, time: 'arrival', withFaults: false })
    expect(JSON.parse(toMessage(due(startMs)).payload)).toEqual({ n: 1 })
  })

  test('a wrong clock is sent only on purpose', () => {
    const wrong = { ...due(startMs), reading: { device: 'd', at: 0, values: { n: 1 }, wrongAt: -5 } }
    expect(createMessages({ devices: 1, time: 'given', withFaults: false })(wrong)).toMatchObject({ faulty: false })
    const faulty = createMessages({ devices: 1, time: 'given', withFaults: true })(wrong)
    expect(faulty).toMatchObject({ faulty: true, points: 0 })
    expect(JSON.parse(faulty.payload).ts).toBe(-5)
  })
})
