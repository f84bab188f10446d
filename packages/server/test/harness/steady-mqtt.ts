import net from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'
import type { TestDevice } from './api.ts'
import { telemetryOf } from './mqtt-load.ts'

const tickMs = 10
const againAfterMs = 200

export interface SteadyLoad {
  readonly sent: number
  /** Numbers whose acknowledgement arrived. */
  readonly acked: readonly number[]
  /** Connections after the first. */
  readonly reconnects: number
  stop(): Promise<void>
}

export interface SteadyOptions {
  perSecond: number
  baseMs: number
  /** Left out: the telemetry of the device. */
  topic?: string
  payloadOf?: (n: number) => string
}

/**
 * Publishes at QoS 1 at a steady rate whatever comes back, and connects again whenever it is cut. Each message is its own point and is sent once,
 * so an acknowledgement counts exactly one write.
 */
export const startSteadyMqtt = (
  port: number,
  device: TestDevice,
  { perSecond, baseMs, topic = `devices/${device.id}/telemetry`, payloadOf }: SteadyOptions,
): SteadyLoad => {
  const acked: number[] = []
  let sent = 0
  let connections = 0
  let stopped = false
  const ended = Promise.withResolvers<void>()

  const connect = (): void => {
    connections++
    const socket = net.connect(port, '127.0.0.1')
    const parser = mqttPacket.parser({ protocolVersion: 4 })
    const pending = new Map<number, number>()
    let id = 0
    let timer: NodeJS.Timeout | undefined
    const send = (packet: Packet): void => {
      socket.write(mqttPacket.generate(packet, { protocolVersion: 4 }))
    }
    const publish = (): void => {
      id = (id % 65_535) + 1
      if (pending.has(id)) return
      pending.set(id, sent)
      const payload = payloadOf === undefined ? telemetryOf(baseMs, sent) : payloadOf(sent)
      sent++
      send({
        cmd: 'publish',
        topic,
        payload,
        qos: 1,
        messageId: id,
        retain: false,
        dup: false,
      })
    }
    parser.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connack' && packet.returnCode === 0) {
        const began = performance.now()
        let done = 0
        timer = setInterval(() => {
          if (stopped) socket.destroy()
          const due = Math.floor(((performance.now() - began) / 1000) * perSecond)
          for (; done < due; done++) publish()
        }, tickMs)
      } else if (packet.cmd === 'puback' && packet.messageId !== undefined) {
        const n = pending.get(packet.messageId)
        if (n !== undefined) acked.push(n)
        pending.delete(packet.messageId)
      }
    })
    socket.on('data', (chunk) => parser.parse(chunk))
    socket.on('error', () => undefined) // 'close' follows and tells
    socket.on('close', () => {
      clearInterval(timer)
      if (stopped) ended.resolve()
      else setTimeout(() => (stopped ? ended.resolve() : connect()), againAfterMs)
    })
    send({
      cmd: 'connect',
      clientId: `steady-${device.id}`,
      ...(device.secret === '' ? {} : { username: device.id, password: Buffer.from(device.secret) }),
      clean: true,
      keepalive: 60,
    })
  }
  connect()
  return {
    get sent() {
      return sent
    },
    acked,
    get reconnects() {
      return connections - 1
    },
    stop() {
      stopped = true
      return ended.promise
    },
  }
}
