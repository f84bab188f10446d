import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { expect, vi } from 'vitest'
import { type ByteTap, startByteTap } from './byte-tap.ts'

export interface Exercise {
  /** The broker itself. */
  brokerPort: number
  level: 4 | 5
  /** The highest QoS that the broker grants. */
  most: 1 | 2
  login?: IClientOptions
  /** Tells the gateway to send its clients to this port, and answers the gateway's own. */
  route(nodePort: number): Promise<number>
}

const large = 256 * 1024
const properties = {
  contentType: 'application/x',
  responseTopic: 'answers',
  correlationData: Buffer.from([1, 0, 255]),
  messageExpiryInterval: 3_600,
  userProperties: { plant: ['a', 'b'] },
}

/** Sends everything that MQTT has through the gateway, with the bytes on both sides of it recorded, and holds the two together. */
export async function exerciseMqtt({ brokerPort, level, most, login = {}, route }: Exercise): Promise<void> {
  const open: MqttClient[] = []
  const taps: ByteTap[] = []
  const enter = async (port: number, options: IClientOptions = {}): Promise<MqttClient> => {
    const how = { reconnectPeriod: 0, protocolVersion: level, ...login, ...options }
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, how)
    client.on('error', () => undefined)
    open.push(client)
    return client
  }
  try {
    const behind = await startByteTap(brokerPort)
    const before = await startByteTap(await route(behind.port))
    taps.push(behind, before)
    const will = { topic: 't/will', payload: Buffer.from('gone'), qos: 1 as const, retain: false }
    const session = level === 5 ? { properties: { sessionExpiryInterval: 0, userProperties: { a: 'b' } } } : {}
    const client = await enter(before.port, { clientId: 'all', will, ...session })
    const got: IPublishPacket[] = []
    client.on('message', (_topic, _payload, packet) => void got.push(packet))
    await client.subscribeAsync('t/data/#', { qos: most })
    const levels = ([0, 1, 2] as const).filter((qos) => qos <= most)
    const more = level === 5 ? { properties } : {}
    for (const qos of levels) await client.publishAsync(`t/data/${qos}`, Buffer.alloc(large, qos), { qos, ...more })
    await vi.waitFor(() => expect(got).toHaveLength(levels.length), 10_000)
    expect(got.map(({ topic, qos, payload }) => [topic, qos, payload.length])).toEqual(
      levels.map((qos) => [`t/data/${qos}`, qos, large]),
    )
    if (level === 5)
      for (const packet of got)
        expect(packet.properties).toMatchObject({ ...properties, messageExpiryInterval: expect.any(Number) })

    // What is retained comes to one who asks for it later, through the gateway too, and is taken back.
    await client.publishAsync('t/kept', 'kept', { qos: 1, retain: true })
    const late = await enter(before.port, { clientId: 'late' })
    const kept = new Promise<IPublishPacket>((resolve) =>
      late.once('message', (_topic, _payload, packet) => resolve(packet)),
    )
    await late.subscribeAsync('t/kept', { qos: 1 })
    expect(await kept).toMatchObject({ topic: 't/kept', retain: true, payload: Buffer.from('kept') })
    await client.publishAsync('t/kept', '', { qos: 1, retain: true })
    await late.endAsync()

    // Past the gateway: the will that a vanished client leaves.
    const watcher = await enter(brokerPort)
    const heard = new Promise<string>((resolve) => watcher.once('message', (topic) => resolve(topic)))
    await watcher.subscribeAsync('t/will')
    client.stream.destroy()
    expect(await heard).toBe('t/will')
    await vi.waitFor(() => expect(before.streams()).toEqual(behind.streams()), 5_000)
    expect(before.streams()).toHaveLength(2)
  } finally {
    for (const client of open) client.end(true)
    for (const tap of taps) tap.close()
  }
}
