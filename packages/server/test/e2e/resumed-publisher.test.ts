import net from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt } from '../harness/mqtt-client.ts'

const rounds = 20
const window = 8

let server: InProcess
let api: Api

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

/** Writes all packets at once; resolves when the answers are there, and never when it is cut before. */
const open = (version: 4 | 5, packets: readonly Packet[], answers: number) => {
  const socket = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true })
  const parser = mqttPacket.parser({ protocolVersion: version })
  const welcome = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<number[]>()
  const released: number[] = []
  parser.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connack') welcome.resolve()
    if (packet.cmd === 'pubrec') {
      socket.write(
        mqttPacket.generate({ cmd: 'pubrel', messageId: packet.messageId ?? 0 }, { protocolVersion: version }),
      )
    }
    if (packet.cmd === 'pubcomp') released.push(packet.messageId ?? 0)
    if (released.length === answers) answered.resolve(released)
  })
  socket.on('data', (chunk) => parser.parse(chunk))
  socket.on('error', () => undefined) // the connection that is taken over is closed
  const write = (more: readonly Packet[]): void => {
    socket.write(Buffer.concat(more.map((packet) => mqttPacket.generate(packet, { protocolVersion: version }))))
  }
  write(packets)
  return { welcome: welcome.promise, answered: answered.promise, write, end: () => void socket.destroy() }
}

test.each([4, 5] as const)(
  'what was under way at QoS 2 when its client came back is passed on once (version %i)',
  { timeout: 30_000 },
  async (version) => {
    const device = await createDevice(api, `again-${version}`)
    const listener = await connectMqtt(server.port, device)
    await listener.mqtt.subscribeAsync(`devices/${device.id}/#`, { qos: 2 })
    const connect: Packet = {
      cmd: 'connect',
      clientId: 'again',
      protocolVersion: version,
      username: device.id,
      password: Buffer.from(device.secret),
      clean: false,
      keepalive: 30,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}),
    }
    const sent: string[] = []
    for (let round = 0; round < rounds; round++) {
      const publishes = (dup: boolean): Packet[] =>
        Array.from({ length: window }, (_, i): Packet => {
          const value = round * window + i
          const topic = `devices/${device.id}/${i % 4 === 3 ? 'events' : 'telemetry'}`
          return { cmd: 'publish', topic, payload: `{"n":${value}}`, qos: 2, messageId: i + 1, retain: false, dup }
        })
      sent.push(...publishes(false).map((packet) => (packet.cmd === 'publish' ? String(packet.payload) : '')))
      const first = open(version, [connect], window)
      await first.welcome
      first.write(publishes(false))
      // [MQTT-3.1.4-3] takes over, while the messages of the first are being stored; [MQTT-4.4.0-1] and sends them again.
      const second = open(version, [connect, ...publishes(true)], window)
      expect(await second.answered).toEqual(Array.from({ length: window }, (_, i) => i + 1))
      first.end()
      second.end()
    }
    await listener.mqtt.publishAsync(`devices/${device.id}/last`, 'end', { qos: 2 })
    await expect.poll(() => listener.got.at(-1)?.text, { timeout: 10_000 }).toBe('end')
    expect(listener.got.slice(0, -1).map(({ text }) => text)).toEqual(sent)
    await listener.end()
  },
)
