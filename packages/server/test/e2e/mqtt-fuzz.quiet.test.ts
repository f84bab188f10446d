import mqttPacket, { type Packet } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { createApi, createDevice } from '../harness/api.ts'
import { fuzzWire, p99LimitMs } from '../harness/fuzz-wire.ts'
import { connectMqtt } from '../harness/mqtt-client.ts'
import { isLong } from '../harness/random.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

test.each([4, 5] as const)(
  'mutated packets of MQTT version %i harm nobody else',
  { timeout: isLong ? 1_800_000 : 60_000 },
  async (protocolVersion) => {
    const data = await makeDataFolder()
    const server = await startServer({ data: data.path })
    try {
      const api = createApi(server.url)
      const device = await createDevice(api, 'fuzz-1')
      const good = await createDevice(api, 'good-1')
      const topic = 'devices/fuzz-1/telemetry'
      const message = { dup: false, retain: false, topic, payload: '{"a":1.5,"b":"x","c":{"d":[true,null]}}' }
      const properties = protocolVersion === 5 ? { userProperties: { a: 'b' }, messageExpiryInterval: 60 } : undefined
      const packets: Packet[] = [
        {
          cmd: 'connect',
          clientId: 'fuzz',
          protocolVersion,
          clean: true,
          keepalive: 60,
          username: device.id,
          password: Buffer.from(device.secret),
          will: { topic: 'devices/fuzz-1/gone', payload: Buffer.from('gone'), qos: 1, retain: false },
          ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60, topicAliasMaximum: 10 } } : {}),
        },
        { cmd: 'publish', messageId: 1, qos: 1, ...message, ...(properties ? { properties } : {}) },
        { cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'devices/fuzz-1/#', qos: 2 }] },
        { cmd: 'publish', messageId: 3, qos: 2, ...message, topic: 'devices/fuzz-1/hello', payload: 'hello' },
        { cmd: 'pubrel', messageId: 3 },
        { cmd: 'publish', qos: 0, ...message, retain: true, topic: 'devices/fuzz-1/motd', payload: 'kept' },
        { cmd: 'puback', messageId: 1 },
        { cmd: 'pingreq' },
        { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['devices/fuzz-1/#'] },
        { cmd: 'publish', messageId: 5, qos: 1, ...message, payload: `{"long":"${'x'.repeat(300)}"}` },
        { cmd: 'disconnect' },
      ]
      const client = await connectMqtt(server.port, good, { protocolVersion: 5 })
      const figures = await fuzzWire({
        name: `mqtt ${protocolVersion} fuzz`,
        server,
        frames: packets.map((packet) => mqttPacket.generate(packet, { protocolVersion })),
        wellBehaved: async () => void (await client.mqtt.publishAsync('sensors/good-1/n', '1', { qos: 1 })),
      })
      expect(figures.errors).toEqual([])
      expect(server.child.exitCode).toBeNull()
      expect(figures.p99Ms).toBeLessThan(p99LimitMs)
      if (isLong) expect(figures.growth).toBeLessThan(1.3)
      await client.end()
    } finally {
      await server.stop()
      await data.remove()
    }
  },
)
