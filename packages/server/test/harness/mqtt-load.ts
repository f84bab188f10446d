import net from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'
import type { TestDevice } from './api.ts'

/** Publishes at QoS 1 with a fixed number of messages in flight until stopped; remembers what was acknowledged. */
export interface Load {
  /** Numbers whose acknowledgement arrived. */
  readonly acked: number[]
  /** The next number to send: goes on over the rounds, so that every message is its own point. */
  readonly next: number
  /** The first acknowledgement has come, or none will: where a login takes several ways there and back. */
  readonly begun?: Promise<void>
  /** The connection is gone (killed with the server, or closed). */
  readonly ended: Promise<void>
  close(): void
}

/** Each message is its own point: number n at `baseMs + n` ms. */
export const telemetryOf = (baseMs: number, n: number): string => JSON.stringify({ ts: baseMs + n, values: { n } })

/** The wire itself rather than a client library: nothing is resent, so an acknowledgement counts exactly one message. */
export const startMqttLoad = (
  port: number,
  device: TestDevice,
  options: { inFlight: number; baseMs: number; from: number },
): Load => {
  const { inFlight, baseMs } = options
  const acked: number[] = []
  const pending = new Map<number, number>()
  let next = options.from
  let ids = 0
  const socket = net.connect(port, '127.0.0.1')
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  const send = (packet: Packet): void => {
    socket.write(mqttPacket.generate(packet, { protocolVersion: 4 }))
  }
  const publish = (): void => {
    do ids = (ids % 65_535) + 1
    while (pending.has(ids))
    pending.set(ids, next)
    send({
      cmd: 'publish',
      topic: `devices/${device.id}/telemetry`,
      payload: telemetryOf(baseMs, next),
      qos: 1,
      messageId: ids,
      retain: false,
      dup: false,
    })
    next++
  }
  parser.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connack') {
      if (packet.returnCode !== 0) socket.destroy(new Error(`CONNACK ${packet.returnCode}`))
      else for (let i = 0; i < inFlight; i++) publish()
    } else if (packet.cmd === 'puback' && packet.messageId !== undefined) {
      const n = pending.get(packet.messageId)
      if (n === undefined) return
      pending.delete(packet.messageId)
      acked.push(n)
      publish()
    }
  })
  socket.on('data', (chunk) => parser.parse(chunk))
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
  })
  socket.on('error', () => undefined) // the kill resets the connection: `ended` tells
  send({
    cmd: 'connect',
    clientId: `load-${device.id}`,
    username: device.id,
    password: Buffer.from(device.secret),
    clean: true,
    keepalive: 30,
  })
  return {
    acked,
    get next() {
      return next
    },
    ended,
    close: () => socket.destroy(),
  }
}
