import net from 'node:net'
import type { Duplex } from 'node:stream'
import mqttPacket, { type IConnackPacket, type Packet } from 'mqtt-packet'

export interface Attempt {
  port: number
  version: 4 | 5
  username: string
  password: string
  /** Without one it leaves after CONNACK. */
  topic?: string
  payload?: Uint8Array | string
  /** Where it connects when that is not plain TCP to the port. */
  open?: () => Duplex
  qos?: 0 | 1 | 2
}

/** What came back, in MQTT's own words. */
export type Outcome =
  | { connack: number }
  | { puback: number }
  | { pubrec: number }
  | { disconnect: number }
  | { closed: true }

const answerDeadlineMs = 10_000

/** Connects, publishes one message and answers the first word of the server about it; then leaves. */
export const publishOnce = (attempt: Attempt): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const { version, qos = 1 } = attempt
    const socket = attempt.open?.() ?? net.connect(attempt.port, '127.0.0.1')
    const parser = mqttPacket.parser({ protocolVersion: version })
    const deadline = setTimeout(() => finish(new Error(`no answer within ${answerDeadlineMs} ms`)), answerDeadlineMs)
    const finish = (outcome: Outcome | Error): void => {
      clearTimeout(deadline)
      socket.destroy()
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
    }
    const send = (packet: Packet): void => {
      socket.write(mqttPacket.generate(packet, { protocolVersion: version }))
    }
    const codeOf = (connack: IConnackPacket): number => (version === 5 ? connack.reasonCode : connack.returnCode) ?? 0
    parser.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connack') {
        const { topic, payload = '' } = attempt
        if (codeOf(packet) !== 0 || topic === undefined) return finish({ connack: codeOf(packet) })
        send({ cmd: 'publish', topic, payload: Buffer.from(payload), qos, messageId: 7, retain: false, dup: false })
        // At QoS 0 there is no answer: a ping that is answered shows that the connection stays.
        if (qos === 0) send({ cmd: 'pingreq' })
      } else if (packet.cmd === 'puback') finish({ puback: packet.reasonCode ?? 0 })
      else if (packet.cmd === 'pubrec') finish({ pubrec: packet.reasonCode ?? 0 })
      else if (packet.cmd === 'disconnect') finish({ disconnect: packet.reasonCode ?? 0 })
      else if (packet.cmd === 'pingresp') finish({ puback: 0 })
    })
    socket.on('data', (chunk: Buffer) => parser.parse(chunk))
    // A WebSocket's stream ends when it is closed, and would wait for our own end.
    for (const event of ['end', 'close']) socket.on(event, () => finish({ closed: true }))
    socket.on('error', () => undefined) // a reset is a way of closing: 'close' follows
    send({
      cmd: 'connect',
      clientId: `once-${version}-${Math.random().toString(36).slice(2)}`,
      protocolVersion: version,
      username: attempt.username,
      password: Buffer.from(attempt.password),
      clean: true,
      keepalive: 30,
    })
  })
