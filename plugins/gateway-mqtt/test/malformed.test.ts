import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { toConnect } from './connect-bytes.ts'
import { type Broker, createWorld, mqttRoute, readAll, startBroker, type World } from './world.ts'

let world: World
let broker: Broker
afterEach(() => world.close())

/** A gateway with a client that is in already. */
const open = async (proxy: object = {}) => {
  broker = await startBroker((socket, bytes) => socket.write(bytes))
  world = await createWorld(mqttRoute([{ host: '127.0.0.1', port: broker.port, weight: 1 }], {}, proxy))
  world.own(broker.close)
  const other = await world.connect()
  let heard = ''
  other.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')))
  other.write(toConnect({ clientId: 'other' }))
  await vi.waitFor(() => expect(heard).toContain('other'))
  return {
    /** The other client is served as before, and nobody else got to the broker. */
    async isUnharmed(reached = 1) {
      other.write('still here')
      await vi.waitFor(() => expect(heard).toContain('still here'))
      expect(broker.sockets).toHaveLength(reached)
      await vi.waitFor(() => expect(world.gateway.sessions.size).toBe(reached))
    },
  }
}
/** What comes back for bytes after which the client says no more. */
const sendAll = (list: readonly Buffer[]): Promise<Buffer[]> =>
  Promise.all(
    list.map(async (bytes) => {
      const socket = await world.connect()
      const answer = readAll(socket)
      socket.end(bytes)
      return answer
    }),
  )
const levels = [
  { name: 'MQIsdp', level: 3 },
  { name: 'MQTT', level: 4 },
  { name: 'MQTT', level: 5, properties: Buffer.from([0x11, 0, 0, 0, 9, 0x21, 0, 20]) },
]

test.each(levels)('a CONNECT of level $level that ends early, wherever it does, reaches nobody', async (how) => {
  const { isUnharmed } = await open({ on_reject: 'connack' })
  const whole = toConnect({ ...how, clientId: 'cut short' })
  const answers = await sendAll([...whole.keys()].map((cut) => whole.subarray(0, cut)))
  expect(new Set(answers.map((answer) => answer.length))).toEqual(new Set([0]))
  await isUnharmed()
})

test('lengths that are none are refused at once, and named', async () => {
  const { isUnharmed } = await open()
  const lengths = [
    [0xff, 0xff, 0xff, 0xff, 0x7f],
    [0x80, 0x80, 0x80, 0x80, 0x01],
    [0x80, 0x80, 0x80, 0x80, 0x80],
    // 268,435,455 bytes: well formed, and more than any CONNECT that is taken.
    [0xff, 0xff, 0xff, 0x7f],
    [0],
  ]
  for (const length of lengths) {
    const socket = await world.connect()
    // Not ended by the client: it is the gateway that closes.
    socket.write(Buffer.from([0x10, ...length]))
    await once(socket.resume(), 'close')
  }
  expect(world.refused).toEqual(lengths.map(() => 'GATEWAY_NOT_CONNECT'))
  await isUnharmed()
})

test('every level but those of the route is refused, by a CONNACK where the route says so', async () => {
  const { isUnharmed } = await open({ on_reject: 'connack', protocol_level: [4, 5] })
  const wrong = Array.from({ length: 256 }, (_, level) => level).filter((level) => level !== 4 && level !== 5)
  const answers = await sendAll(wrong.map((level) => toConnect({ level, clientId: 'x' })))
  for (const [index, level] of wrong.entries()) {
    const answer = answers[index] ?? Buffer.alloc(0)
    // [MQTT-3.1.2-2]: return code 1 before MQTT 5, reason code 0x84 from it on; each with one packet and no more.
    if (level < 5) expect(answer.toString('hex')).toBe('20020001')
    else expect([answer[0], answer[1], answer[3]]).toEqual([0x20, answer.length - 2, 0x84])
    if (level > 5) expect(answer.toString()).toContain(`of level ${level}`)
  }
  expect(new Set(world.refused)).toEqual(new Set(['GATEWAY_PROTOCOL']))
  expect(world.refused).toHaveLength(254)
  await isUnharmed()
})

test('wrong names are closed upon', async () => {
  const { isUnharmed } = await open()
  const names = ['', 'mqtt', 'MQT', 'MQTTT', 'MQIsdp', 'MQTT\0', '\uFEFFMQTT', 'M'.repeat(300), '__proto__']
  const answers = await sendAll(names.map((name) => toConnect({ name, clientId: 'x' })))
  expect(answers.every((answer) => answer.length === 0)).toBe(true)
  expect(world.refused).toHaveLength(names.length)
  await isUnharmed()
})
