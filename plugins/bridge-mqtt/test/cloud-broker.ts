import { once } from 'node:events'
import { createServer, type TLSSocket } from 'node:tls'
import mqtt, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet'

/** One who came, as a broker's own rules see him. */
export interface CloudClient {
  readonly connect: IConnectPacket
  readonly alpn: string | false
  /** A client certificate came and was believed. */
  readonly isCertified: boolean
  send(packet: Packet): void
  publish(topic: string, payload: string, qos?: 0 | 1): void
  cut(why: string): void
}

export interface CloudRules {
  /** The return code of CONNACK. */
  connect(client: CloudClient): number
  /** Why the connection is ended instead of an answer; undefined: it is fine. */
  publish(packet: IPublishPacket, client: CloudClient): string | undefined
  subscribe?(filters: readonly string[], client: CloudClient): string | undefined
}

/** A broker that plays the rules of a cloud: it cuts off who does not keep them. */
export interface CloudBroker {
  readonly port: number
  readonly clients: readonly CloudClient[]
  /** What came and was taken. */
  readonly published: readonly IPublishPacket[]
  readonly subscribed: readonly string[]
  /** Why somebody was cut off. */
  readonly cuts: readonly string[]
  close(): Promise<void>
}

export async function startCloudBroker(
  tls: { cert: string; key: string; clientCa?: string },
  rules: CloudRules,
): Promise<CloudBroker> {
  const clients: CloudClient[] = []
  const published: IPublishPacket[] = []
  const subscribed: string[] = []
  const cuts: string[] = []
  const sockets = new Set<TLSSocket>()
  const server = createServer(
    {
      cert: tls.cert,
      key: tls.key,
      ALPNProtocols: ['x-amzn-mqtt-ca'],
      ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: false }),
    },
    (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => undefined)
      let version = 4
      let ids = 0
      const parser = mqtt.parser()
      const send = (packet: Packet): void => {
        if (!socket.destroyed) socket.write(mqtt.generate(packet, { protocolVersion: version }))
      }
      const cut = (why: string): void => {
        cuts.push(why)
        socket.destroy()
      }
      let client: CloudClient | undefined
      parser.on('packet', (packet) => {
        if (packet.cmd === 'connect') {
          version = packet.protocolVersion ?? 4
          client = {
            connect: packet,
            alpn: socket.alpnProtocol ?? false,
            isCertified: socket.authorized,
            send,
            publish: (topic, payload, qos = 1) =>
              send({
                cmd: 'publish',
                topic,
                payload,
                qos,
                dup: false,
                retain: false,
                ...(qos ? { messageId: ++ids } : {}),
              }),
            cut,
          }
          const code = rules.connect(client)
          send({ cmd: 'connack', sessionPresent: false, returnCode: code, reasonCode: code })
          if (code === 0) clients.push(client)
          return
        }
        if (!client) return cut('no CONNECT')
        if (packet.cmd === 'publish') {
          const why = packet.qos === 2 ? 'QoS 2' : rules.publish(packet, client)
          if (why !== undefined) return cut(why)
          published.push(packet)
          if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
        } else if (packet.cmd === 'subscribe') {
          const filters = packet.subscriptions.map(({ topic }) => topic)
          const why = rules.subscribe?.(filters, client)
          if (why !== undefined) return cut(why)
          subscribed.push(...filters)
          send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: packet.subscriptions.map(({ qos }) => qos) })
        } else if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' })
      })
      socket.on('data', (bytes: Buffer) => void parser.parse(bytes))
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    clients,
    published,
    subscribed,
    cuts,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
