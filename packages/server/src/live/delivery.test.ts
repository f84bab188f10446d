import { createFakeClock } from '@patchbay/core/test/fake-clock'
import { describe, expect, test } from 'vitest'
import { createDelivery, type Follower } from './delivery.ts'
import { DeviceItem } from './device-item.ts'
import { liveLimits } from './limits.ts'
import { MessageItem } from './message-item.ts'
import { toSnapshot } from './snapshot.ts'

const point = (key: string, value: number, at: number) => ({ key, value, at, json: false })

const start = () => {
  const clock = createFakeClock()
  const delivery = createDelivery({ clock, epoch: 'e' })
  const makeFollower = () => {
    const frames: Buffer[] = []
    const outlet = { waitingBytes: 0, send: (frame: Buffer) => void frames.push(frame), tooSlow: () => undefined }
    const follower: Follower & { outlet: typeof outlet } = { told: 0, outlet }
    return { ...follower, follower, frames, outlet, texts: () => frames.map((frame) => JSON.parse(String(frame))) }
  }
  const item = new DeviceItem('d', 0)
  const set = (value: number, at = value) => item.add([point('t', value, at)], delivery.pulse.touch())
  item.setDevice(
    { id: 'd', name: 'd', type: 'default', tags: [], status: 'never', createdAt: '2025-10-09T08:53:20Z', version: 1 },
    0,
  )
  return { clock, delivery, item, set, makeFollower }
}

describe('delivery', () => {
  test('many updates in 100 ms are one frame with the newest, and none comes while nothing changes', () => {
    const { clock, delivery, item, set, makeFollower } = start()
    const viewer = makeFollower()
    delivery.follow(viewer.follower, [item])
    set(1)
    clock.pass(1)
    expect(viewer.frames).toHaveLength(1)
    for (let n = 2; n < 50; n++) {
      set(n)
      clock.pass(2)
    }
    expect(viewer.frames.length).toBeLessThanOrEqual(2)
    clock.pass(100)
    expect(viewer.frames).toHaveLength(2)
    expect(viewer.texts()[1]).toEqual({
      change: { devices: { d: { values: { t: { at: '1970-01-01T00:00:00.000049Z', value: 49 } } } } },
      cursor: 'e.2',
    })
    clock.pass(10_000)
    expect(viewer.frames).toHaveLength(2)
    expect(clock.waiting).toBe(0)
  })

  test('those who follow the same are sent the very same bytes, made once', () => {
    const { clock, delivery, item, set, makeFollower } = start()
    const viewers = Array.from({ length: 100 }, makeFollower)
    for (const { follower } of viewers) delivery.follow(follower, [item])
    set(1)
    clock.pass(100)
    expect(new Set(viewers.map(({ frames }) => frames[0])).size).toBe(1)
    expect(delivery.stats()).toMatchObject({ frames: 100, encoded: 1 })
  })

  test('a slow viewer is skipped, holds nothing, and then gets the newest in one frame', () => {
    const { clock, delivery, item, set, makeFollower } = start()
    const [slow, quick] = [makeFollower(), makeFollower()]
    delivery.follow(slow.follower, [item])
    delivery.follow(quick.follower, [item])
    slow.outlet.waitingBytes = 1
    for (let n = 1; n <= 20; n++) {
      set(n)
      clock.pass(100)
    }
    expect(quick.frames).toHaveLength(20)
    expect(slow.frames).toHaveLength(0)
    slow.outlet.waitingBytes = 0
    clock.pass(100)
    expect(slow.texts()).toHaveLength(1)
    expect(slow.texts()[0].change.devices.d.values.t.value).toBe(20)
    expect(slow.texts()[0].cursor).toBe(quick.texts().at(-1).cursor)
  })

  test('a value with an older time changes nothing, the same time again does', () => {
    const { item } = start()
    item.add([point('t', 1, 10)], 1)
    item.add([point('t', 2, 9)], 2)
    expect(item.after(1, 2)).not.toContain('"t"')
    item.add([point('t', 3, 10)], 3)
    expect(item.after(2, 3)).toContain('"value":3')
  })

  test('hostile keys and values stay text, and a long one is told by its length', () => {
    const { item } = start()
    const html = '<script>"\\\u2028</script>'
    item.add(
      [
        { key: '__proto__', value: html, at: 1, json: false },
        { key: html, value: '{"__proto__":{"x":1}}', at: 1, json: true },
        { key: 'long', value: 'x'.repeat(liveLimits.valueLength + 1), at: 1, json: false },
      ],
      1,
    )
    const { values } = JSON.parse(`{${item.whole()}}`).d
    expect(Object.entries(values)).toEqual([
      ['__proto__', { at: expect.any(String), value: html }],
      [html, { at: expect.any(String), value: JSON.parse('{"__proto__":{"x":1}}') }],
      ['long', { at: expect.any(String), size: liveLimits.valueLength + 1 }],
    ])
  })

  test('a cursor of another start, or of a turn that has not come, is none', () => {
    const { delivery, clock, set } = start()
    set(1)
    clock.pass(100)
    expect(delivery.turnOf('e.1')).toBe(1)
    for (const cursor of ['e.2', 'f.1', 'e.', 'e.-1', '1', '', 'e.1e3']) expect(delivery.turnOf(cursor)).toBeUndefined()
  })

  test('a large snapshot comes in parts of a bounded size', () => {
    const items = Array.from({ length: 100 }, (_, i) => {
      const item = new DeviceItem(`d${i}`, 0)
      item.setDevice(
        { id: 'd', name: 'x'.repeat(10_000), type: 't', tags: [], status: 'never', createdAt: '', version: 1 },
        0,
      )
      return item
    })
    const parts = [...toSnapshot(items, () => 0)]
    expect(parts.length).toBeGreaterThan(3)
    for (const { state } of parts) expect(state.length).toBeLessThan(liveLimits.snapshotFrameBytes + 20_000)
    expect(parts.map(({ last }) => last).filter(Boolean)).toHaveLength(1)
    const ids = parts.flatMap(({ state }) => Object.keys(JSON.parse(`{${state}}`).devices))
    expect(ids.toSorted()).toEqual(items.map(({ id }) => id).toSorted())
  })
})

describe('messages', () => {
  const message = (n: number) => ({
    from: 'd',
    device: 'd',
    protocol: 'mqtt',
    topic: `t/${n}`,
    bytes: Buffer.from(`${n}`),
    qos: 1,
    retain: false,
  })
  test('above 200 a second some are left out, and the frame says so', () => {
    const clock = createFakeClock()
    const item = new MessageItem('d', 0, clock)
    for (let n = 0; n < 1000; n++) item.offer(message(n))?.(undefined, 1)
    const first = JSON.parse(`{${item.after(0, 1)}}`)
    expect(first.items).toHaveLength(200)
    expect(first.sampled).toBeUndefined()
    clock.pass(1000)
    item.offer(message(1000))?.(undefined, 2)
    const second = JSON.parse(`{${item.after(1, 2)}}`)
    expect(second).toMatchObject({ items: [{ n: 1001, payload: '1000', outcome: 'stored' }], sampled: true })
  })
  test('a viewer who was away too long is told that some are gone', () => {
    const clock = createFakeClock()
    const item = new MessageItem('d', 0, clock)
    for (let turn = 1; turn <= liveLimits.messagesKept + 10; turn++) {
      clock.pass(10)
      item.offer(message(turn))?.(undefined, turn)
    }
    const late = JSON.parse(`{${item.after(1, 10_000)}}`)
    expect(late.items).toHaveLength(liveLimits.messagesKept)
    expect(late.sampled).toBe(true)
    expect(JSON.parse(`{${item.after(400, 10_000)}}`).sampled).toBeUndefined()
  })
  test('the payload is cut at a whole character, and bytes that are no text are base64', () => {
    const item = new MessageItem('d', 0, createFakeClock())
    item.offer({ ...message(1), bytes: Buffer.from('x'.repeat(1023) + 'é') })?.(undefined, 1)
    item.offer({ ...message(2), bytes: Buffer.from([0xff, 0]) })?.(undefined, 1)
    const { items } = JSON.parse(`{${item.after(0, 1)}}`)
    expect(items[0]).toMatchObject({ bytes: 1025, cut: true, payload: 'x'.repeat(1023) })
    expect(items[1]).toMatchObject({ bytes: 2, base64: '/wA=' })
  })
})
