import https from 'node:https'
import { connectAsync } from 'mqtt'
import { closeAmqp, connectAmqp, openAmqpSender, sendAmqp } from './amqp-client.ts'
import { connectGrpc } from './grpc-client.ts'
import { connectWebSocket } from './websocket-client.ts'

/** A certificate and its key, PEM. */
export interface Identity {
  cert: string
  key: string
}

/** A device that has logged in by its certificate and nothing else. */
export interface CertifiedClient {
  /** Resolves when acknowledged; rejects when it was not. */
  publish(payload: string): Promise<void>
  /** When the server has ended it; absent where there is no connection to end. */
  ended?: Promise<unknown>
  close(): Promise<void>
}

interface Where {
  port: number
  ca: Buffer
  topic: string
}

export interface CertifiedProtocol {
  /** Rejects with the protocol's words when the login is refused. */
  open(identity: Identity | undefined, where: Where): Promise<CertifiedClient>
  /** What a refusal looks like: of who proves nothing, and of who was good once. */
  refused: { credentials: RegExp; banned: RegExp }
}

const mqttWords = {
  credentials: /Bad User Name or Password|code.{0,4}134/,
  banned: /Not authorized|Banned|code.{0,4}135/,
}

const overMqtt = (scheme: 'mqtts' | 'wss'): CertifiedProtocol => ({
  refused: mqttWords,
  async open(identity, { port, ca, topic }) {
    const url = `${scheme}://localhost:${port}${scheme === 'wss' ? '/mqtt' : ''}`
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ca, ...identity })
    return {
      publish: async (payload) => void (await client.publishAsync(topic, payload, { qos: 1 })),
      ended: new Promise<void>((resolve) => client.once('close', () => resolve())),
      close: () => client.endAsync(true),
    }
  },
})

/** Every protocol over TLS that takes client certificates. */
export const certifiedProtocols: Record<string, CertifiedProtocol> = {
  mqtt: overMqtt('mqtts'),
  mqttOverWebSocket: overMqtt('wss'),
  http: {
    refused: { credentials: /^Error: 401 /, banned: /^Error: 403 / },
    async open(identity, { port, ca, topic }) {
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
      const publish = (payload: string) =>
        new Promise<void>((resolve, reject) => {
          const request = https.request(
            { host: 'localhost', port, path: `/v1/${topic}`, method: 'POST', ca, agent, ...identity },
            (answer) => {
              let text = ''
              answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
              answer.on('end', () =>
                answer.statusCode === 204 ? resolve() : reject(new Error(`${answer.statusCode} ${text}`)),
              )
            },
          )
          request.on('error', reject)
          request.end(payload)
        })
      // HTTP has no login of its own: the first request is one.
      await publish('[]')
      return { publish, close: async () => agent.destroy() }
    },
  },
  webSocket: {
    refused: { credentials: /response: 401/, banned: /response: 403/ },
    async open(identity, { port, ca, topic }) {
      const client = await connectWebSocket(port, { scheme: 'wss', ca, ...identity })
      // Without a certificate the upgrade is taken, and the first frame would be the login.
      if (!identity) throw new Error('Unexpected server response: 401')
      return {
        async publish(payload) {
          const answer = await client.ask({ publish: topic, payload: JSON.parse(payload) })
          if (!('ack' in answer)) throw new Error(JSON.stringify(answer))
        },
        ended: client.closed,
        close: () => client.close(),
      }
    },
  },
  amqp: {
    refused: { credentials: /authenticat|SASL/i, banned: /authenticat/i },
    async open(identity, { port, ca, topic }) {
      const connection = await connectAmqp(port, {
        transport: 'tls',
        ca,
        ...identity,
        enable_sasl_external: true,
      } as object)
      const ended = new Promise((resolve) => connection.once('connection_close', resolve))
      const sender = await openAmqpSender(connection, topic)
      return {
        async publish(payload) {
          const outcome = await sendAmqp(sender, payload)
          if (outcome !== 'accepted') throw new Error(outcome)
        },
        ended,
        close: () => (connection.is_open() ? closeAmqp(connection) : Promise.resolve()),
      }
    },
  },
  grpc: {
    refused: { credentials: /^Error: 16 UNAUTHENTICATED/, banned: /^Error: 7 PERMISSION_DENIED/ },
    async open(identity, { port, ca, topic }) {
      const client = connectGrpc(port, { ca, ...(identity ? { identity } : {}) })
      const publish = async (payload: string) => {
        const { code, detail } = await client.publish(topic, payload)
        if (code !== 0) throw new Error(detail)
      }
      try {
        await publish('[]')
      } catch (error) {
        client.close()
        throw error
      }
      const commands = client.subscribe(topic.replace(/telemetry$/, 'commands/+'))
      const ended = new Promise((resolve) => commands.on('error', resolve))
      return {
        publish,
        ended,
        close: async () => client.close(),
      }
    },
  },
}
