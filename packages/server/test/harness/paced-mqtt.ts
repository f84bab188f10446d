import net from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { telemetryOf } from './mqtt-load.ts'
import type { TestDevice } from './api.ts'

const tickMs = 10

export interface PacedLoad {
  readonly sent: number
  readonly acked: number
  /** True as long as the connection it began with is there. */
  readonly connected: boolean
  /** How long each acknowledgement took since the last call, ms, in the order in which they came. */
  takeDelaysMs(): number[]
  /** Stops sending and resolves once everything sent is acknowledged. */
  finish(): Promise<void>
}

/** Publishes at QoS 1 at a steady rate over one connection, whatever comes back; each message is its own point. */
export const startPacedMqtt = async (
  port: number,
  device: TestDevice,
  options: { perSecond: number; baseMs: number },
): Promise<PacedLoad> => {
  const socket = net.connect(port, '127.0.0.1')
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  const ready = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  let sent = 0
  let acked = 0
  let connected = true
  let finishing = false
  let id = 0
  /** When each message was sent, by its packet id. */
  const sentMs = new Float64Array(65_536)
  let delaysMs: number[] = []
  const send = (packet: Packet): void => {
    socket.write(mqttPacket.generate(packet, { protocolVersion: 4 }))
  }
  const check = (): void => {
    if (finishing && acked === sent) {
      socket.destroy()
      done.resolve()
    }
  }
  parser.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connack') ready.resolve()
    if (packet.cmd === 'puback') {
      acked++
      if (packet.messageId !== undefined) delaysMs.push(performance.now() - (sentMs[packet.messageId] ?? 0))
      check()
    }
  })
  socket.on('data', (chunk) => parser.parse(chunk))
  socket.on('error', () => undefined) // 'close' follows and tells
  socket.on('close', () => {
    connected = false
    clearInterval(timer)
    if (!finishing) done.reject(new Error('the connection was lost'))
  })
  const began = performance.now()
  const timer = setInterval(() => {
    if (finishing) return
    const due = Math.floor(((performance.now() - began) / 1000) * options.perSecond)
    for (; sent < due; sent++) {
      id = (id % 65_535) + 1
      sentMs[id] = performance.now()
      const payload = telemetryOf(options.baseMs, sent)
      send({
        cmd: 'publish',
        topic: `devices/${device.id}/telemetry`,
        payload,
        qos: 1,
        messageId: id,
        retain: false,
        dup: false,
      })
    }
  }, tickMs)
  done.promise.catch(() => undefined) // finish() hands it on
  send({
    cmd: 'connect',
    clientId: `paced-${device.id}`,
    username: device.id,
    password: Buffer.from(device.secret),
    clean: true,
    keepalive: 60,
  })
  await ready.promise
  return {
    get sent() {
      return sent
    },
    get acked() {
      return acked
    },
    get connected() {
      return connected
    },
    takeDelaysMs() {
      const taken = delaysMs
      delaysMs = []
      return taken
    },
    finish() {
      clearInterval(timer)
      finishing = true
      check()
      return done.promise
    },
  }
}
