import { once } from 'node:events'
import { connectAsync, type IClientOptions } from 'mqtt'
import type { EventContext } from 'rhea'
import { closeAmqp, connectAmqp, openAmqpSender, sendAmqp } from './amqp-client.ts'
import type { TestDevice } from './api.ts'
import { openCoapWire } from './coap-wire.ts'
import { connectGrpc } from './grpc-client.ts'
import { connectWebSocket } from './websocket-client.ts'

export interface Heard {
  topic: string
  bytes: Buffer
}

/** One connected client, the same to use by every protocol. Deliveries are acknowledged as they come. */
export interface Talker {
  /** Resolves when it is acknowledged; rejects when it is refused. */
  publish(topic: string, bytes: Buffer, how?: { retain: boolean }): Promise<void>
  /** Resolves when the subscription stands. */
  subscribe(filter: string, hear: (heard: Heard) => void): Promise<void>
  close(): Promise<void>
}

const must = (answer: unknown, wanted: unknown): void => {
  if (answer !== wanted) throw new Error(`refused: ${JSON.stringify(answer)}`)
}
const mustBeCommands = (filter: string): void => {
  if (!filter.endsWith('/commands/+')) throw new Error('this protocol has no such subscription')
}

const talkMqtt =
  (scheme: 'mqtt' | 'ws', options: IClientOptions) =>
  async (port: number, { id, secret }: TestDevice): Promise<Talker> => {
    const url = `${scheme}://127.0.0.1:${port}${scheme === 'ws' ? '/mqtt' : ''}`
    const client = await connectAsync(url, { username: id, password: secret, reconnectPeriod: 0, ...options })
    client.on('error', () => undefined) // a refusal rejects the publish
    return {
      publish: async (topic, bytes, how = { retain: false }) =>
        void (await client.publishAsync(topic, bytes, { qos: 1, ...how })),
      async subscribe(filter, hear) {
        client.on('message', (topic, bytes) => hear({ topic, bytes }))
        await client.subscribeAsync(filter, { qos: 1 })
      },
      close: () => client.endAsync(true),
    }
  }

/** The bytes as they were published: JSON lies in the frame as it was written. */
const toHeard = (text: string): Heard & { mid?: number } => {
  const frame = JSON.parse(text)
  const raw = /^\{"message":"[^"]*","payload":([^]*?)(?:,"retain":true)?(?:,"mid":\d+)?\}$/.exec(text)?.[1]
  const bytes = frame.base64 === undefined ? Buffer.from(frame.text ?? raw ?? '') : Buffer.from(frame.base64, 'base64')
  return { topic: frame.message, bytes, ...(frame.mid === undefined ? {} : { mid: frame.mid }) }
}

async function talkWebSocket(port: number, { id, secret }: TestDevice): Promise<Talker> {
  const client = await connectWebSocket(port, { auth: `${id}:${secret}` })
  return {
    async publish(topic, bytes, how = { retain: false }) {
      const answer = await client.ask({ publish: topic, base64: bytes.toString('base64'), ...how })
      if (!('ack' in answer)) throw new Error(`refused: ${JSON.stringify(answer)}`)
    },
    async subscribe(filter, hear) {
      client.socket.on('message', (data: Buffer) => {
        if (!data.toString().startsWith('{"message"')) return
        const { mid, ...heard } = toHeard(data.toString())
        hear(heard)
        if (mid !== undefined) client.send({ ack: mid })
      })
      await client.ask({ subscribe: filter })
    },
    close: () => client.close(),
  }
}

async function talkAmqp(port: number, { id, secret }: TestDevice): Promise<Talker> {
  const connection = await connectAmqp(port, { username: id, password: secret })
  return {
    async publish(topic, bytes) {
      const sender = await openAmqpSender(connection, topic)
      must(await sendAmqp(sender, bytes), 'accepted')
      sender.close()
    },
    async subscribe(filter, hear) {
      const receiver = connection.open_receiver(filter)
      receiver.on('message', ({ message }: EventContext) =>
        hear({ topic: message?.to ?? '', bytes: Buffer.from(message?.body.content) }),
      )
      await once(receiver, 'receiver_open')
    },
    close: () => closeAmqp(connection),
  }
}

async function talkGrpc(port: number, { id, secret }: TestDevice): Promise<Talker> {
  const client = connectGrpc(port, { auth: `${id}:${secret}` })
  return {
    publish: async (topic, bytes) => must((await client.publish(topic, bytes)).code, 0),
    async subscribe(filter, hear) {
      const stream = client.subscribe(filter)
      stream.on('error', () => undefined) // cancelled by the close
      stream.on('data', ({ topic, payload }) => hear({ topic, bytes: payload }))
      await once(stream, 'metadata')
    },
    close: async () => client.close(),
  }
}

/** Of HTTP and CoAP a device has its commands: the list that they answer is told one by one. */
const tellCommands = (device: string, list: string, hear: (heard: Heard) => void): void => {
  for (const { id, ...command } of JSON.parse(list)) {
    hear({ topic: `devices/${device}/commands/${id}`, bytes: Buffer.from(JSON.stringify(command)) })
  }
}

async function talkHttp(port: number, { id, secret }: TestDevice): Promise<Talker> {
  const base = `http://127.0.0.1:${port}/v1`
  const authorization = `Basic ${btoa(`${id}:${secret}`)}`
  const over = new AbortController()
  const polls: Promise<void>[] = []
  return {
    async publish(topic, bytes) {
      const headers = { authorization, 'content-type': 'application/octet-stream' }
      must((await fetch(`${base}/${topic}`, { method: 'POST', headers, body: new Uint8Array(bytes) })).status, 204)
    },
    async subscribe(filter, hear) {
      mustBeCommands(filter)
      const poll = async (): Promise<void> => {
        while (!over.signal.aborted) {
          const signal = over.signal
          const answer = await fetch(`${base}/devices/${id}/commands?wait=5`, { headers: { authorization }, signal })
          if (answer.status === 200) tellCommands(id, await answer.text(), hear)
        }
      }
      polls.push(poll().catch(() => undefined)) // ended by the close
    },
    async close() {
      over.abort()
      await Promise.all(polls)
    },
  }
}

async function talkCoap(port: number, device: TestDevice): Promise<Talker> {
  const wire = await openCoapWire(port, device)
  return {
    publish: async (topic, payload) => must((await wire.ask({ method: 'POST', topic, payload })).code, '2.04'),
    async subscribe(filter, hear) {
      mustBeCommands(filter)
      wire.hear((payload) => tellCommands(device.id, payload.toString(), hear))
      const options = [{ name: 'Observe', value: Buffer.alloc(0) }]
      must((await wire.ask({ method: 'GET', topic: filter.slice(0, -2), options })).code, '2.05')
    },
    close: () => wire.close(),
  }
}

/** Every protocol that a device may speak. */
export const talkers = {
  'MQTT 3.1.1': talkMqtt('mqtt', { protocolVersion: 4 }),
  'MQTT 5': talkMqtt('mqtt', { protocolVersion: 5 }),
  'MQTT over WebSocket': talkMqtt('ws', { protocolVersion: 5 }),
  WebSocket: talkWebSocket,
  'AMQP 1.0': talkAmqp,
  gRPC: talkGrpc,
  HTTP: talkHttp,
  CoAP: talkCoap,
} satisfies Record<string, (port: number, device: TestDevice) => Promise<Talker>>

export type TalkerName = keyof typeof talkers
export const talkerNames = Object.keys(talkers) as TalkerName[]
/** Those that can subscribe any filter; HTTP and CoAP have commands and the desired shadow. */
export const subscriberNames = talkerNames.filter((name) => name !== 'HTTP' && name !== 'CoAP')
