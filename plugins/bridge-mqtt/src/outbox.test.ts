import type { IPublishPacket, Packet } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { createInbox, type Verdict } from './inbox.ts'
import { createOutbox, type Outgoing } from './outbox.ts'
import type { Wire } from './wire.ts'

/** A connection whose packets are seen. */
const openTape = (receiveMaximum = 20) => {
  const sent: Packet[] = []
  const wire: Wire = {
    connack: { cmd: 'connack', sessionPresent: true, properties: { receiveMaximum } },
    version: 5,
    send: (packet, done) => {
      sent.push(packet)
      done?.()
    },
    together: (work) => work(),
    onPacket: () => undefined,
    ended: new Promise(() => undefined),
    end: () => undefined,
  }
  return { wire, sent }
}
const message = (text: string, qos: 0 | 1 | 2): Outgoing => ({ topic: 'a', payload: text, qos, retain: false })
const shown = (packets: readonly Packet[]) =>
  packets.map((packet) =>
    packet.cmd === 'publish' ? `${packet.dup ? 'again ' : ''}${String(packet.payload)}` : packet.cmd,
  )
const idOf = (packet: Packet | undefined): number => packet?.messageId ?? 0
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('no more is under way than the broker takes at once', async () => {
  const outbox = createOutbox()
  const { wire, sent } = openTape(2)
  const settled = ['a', 'b', 'c'].map((text) => outbox.publish(text, message(text, 1)))
  outbox.attach(wire, false)
  await turn()
  expect(shown(sent)).toEqual(['a', 'b'])
  outbox.hear({ cmd: 'puback', messageId: idOf(sent[0]) })
  expect(shown(sent)).toEqual(['a', 'b', 'c'])
  expect(await settled[0]).toEqual({ kind: 'taken' })
})

test('QoS 2 is the same message over a cut, also between its two halves, and the same id is not a second one', async () => {
  const outbox = createOutbox()
  const first = openTape()
  outbox.attach(first.wire, false)
  const all = ['a', 'b'].map((text) => outbox.publish(text, message(text, 2)))
  await turn()
  const [a, b] = first.sent.map(idOf)
  outbox.hear({ cmd: 'pubrec', messageId: a ?? 0 })
  expect(shown(first.sent)).toEqual(['a', 'b', 'pubrel'])
  outbox.detach()
  // The platform tries the batch again.
  const again = outbox.publish('b', message('b', 2))
  const second = openTape()
  outbox.attach(second.wire, true)
  await turn()
  expect(shown(second.sent)).toEqual(['pubrel', 'again b'])
  expect(second.sent.map(idOf)).toEqual([a, b])
  for (const messageId of [a ?? 0, b ?? 0]) outbox.hear({ cmd: 'pubcomp', messageId })
  expect(await Promise.all([...all, again])).toEqual(['a', 'b', 'b again'].map(() => ({ kind: 'taken' })))
})

test('a broker that has forgotten the session gets what was under way first, as new', async () => {
  const outbox = createOutbox()
  const first = openTape(2)
  outbox.attach(first.wire, false)
  for (const text of ['a', 'b', 'c']) void outbox.publish(text, message(text, 1))
  await turn()
  outbox.detach()
  const second = openTape()
  outbox.attach(second.wire, false)
  expect(shown(second.sent)).toEqual(['a', 'b', 'c'])
})

test('runs that follow each other use different packet ids', async () => {
  const ids = new Set<number>()
  for (const run of [0, 1, 14]) {
    const outbox = createOutbox({ run })
    const { wire, sent } = openTape(65_535)
    outbox.attach(wire, false)
    for (let n = 0; n < 200; n += 1) void outbox.publish(String(n), message('a', 1))
    await turn()
    for (const packet of sent) ids.add(idOf(packet))
  }
  expect(ids.size).toBe(600)
  expect(Math.max(...ids)).toBeLessThanOrEqual(65_535)
})

test('what the broker refuses is told from what it cannot take now', async () => {
  const outbox = createOutbox()
  const { wire, sent } = openTape()
  outbox.attach(wire, false)
  const all = ['a', 'b', 'c'].map((text) => outbox.publish(text, message(text, text === 'c' ? 2 : 1)))
  await turn()
  outbox.hear({ cmd: 'puback', messageId: idOf(sent[0]), reasonCode: 0x87, properties: { reasonString: 'not you' } })
  outbox.hear({ cmd: 'puback', messageId: idOf(sent[1]), reasonCode: 0x97 })
  outbox.hear({ cmd: 'pubrec', messageId: idOf(sent[2]), reasonCode: 0x99 })
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['refused', 'later', 'refused'])
  expect(await all[0]).toMatchObject({ reply: expect.stringContaining('“not you”') })
  // [MQTT-4.3.3] a refused QoS 2 message has no second half.
  expect(sent.filter(({ cmd }) => cmd === 'pubrel')).toEqual([])
})

const arrival = (messageId: number, qos: 1 | 2, dup = false): IPublishPacket => ({
  cmd: 'publish',
  topic: 'a',
  payload: Buffer.from(String(messageId)),
  qos,
  dup,
  retain: false,
  messageId,
})

test('messages are acknowledged in their order, each when it is durable', async () => {
  const waiting = new Map<number, (verdict: Verdict) => void>()
  const take = ({ messageId = 0 }: IPublishPacket) => new Promise<Verdict>((resolve) => waiting.set(messageId, resolve))
  const inbox = createInbox({ take, later: () => undefined })
  const { wire, sent } = openTape()
  inbox.attach(wire, false)
  for (const id of [1, 2, 3]) inbox.hear(arrival(id, 1))
  waiting.get(2)?.(0)
  await turn()
  expect(sent).toEqual([])
  waiting.get(1)?.(0)
  await turn()
  expect(sent.map(idOf)).toEqual([1, 2])
  waiting.get(3)?.(0x87)
  await turn()
  expect(sent[2]).toEqual({ cmd: 'puback', messageId: 3, reasonCode: 0x87 })
})

test('QoS 2 that comes again is taken once, also over a cut, and anew when its second half has come', async () => {
  const taken: number[] = []
  const inbox = createInbox({
    async take({ messageId = 0 }) {
      taken.push(messageId)
      return 0
    },
    later: () => undefined,
  })
  const first = openTape()
  inbox.attach(first.wire, false)
  inbox.hear(arrival(7, 2))
  await turn()
  const second = openTape()
  inbox.attach(second.wire, true)
  inbox.hear(arrival(7, 2, true))
  await turn()
  expect([taken, second.sent.map(({ cmd }) => cmd)]).toEqual([[7], ['pubrec']])
  inbox.hear({ cmd: 'pubrel', messageId: 7 })
  inbox.hear({ cmd: 'pubrel', messageId: 8 })
  expect(second.sent.slice(1)).toEqual([
    { cmd: 'pubcomp', messageId: 7 },
    { cmd: 'pubcomp', messageId: 8, reasonCode: 0x92 },
  ])
  inbox.hear(arrival(7, 2))
  await turn()
  expect(taken).toEqual([7, 7])
})

test('what cannot be taken now is not acknowledged, and the connection is made anew', async () => {
  let later = 0
  const inbox = createInbox({ take: async () => 'later', later: () => (later += 1) })
  const { wire, sent } = openTape()
  inbox.attach(wire, false)
  inbox.hear(arrival(1, 2))
  await turn()
  expect([later, sent]).toEqual([1, []])
})
