import net from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import { connectAsync } from 'mqtt'
import { createWebSocketStream, WebSocket } from 'ws'
import { type Outcome, publishOnce } from '../harness/publish-once.ts'
import { type Credentials, type Place, type Row, settled, toCommand } from './row.ts'

type Transport = 'TCP' | 'TLS' | 'WebSocket' | 'WebSocket, TLS'
const schemes: Record<Transport, string> = { TCP: 'mqtt', TLS: 'mqtts', WebSocket: 'ws', 'WebSocket, TLS': 'wss' }

const open = (transport: Transport, { port, ca }: Place): Duplex => {
  if (transport === 'TCP') return net.connect(port, '127.0.0.1')
  if (transport === 'TLS') return tls.connect({ port, host: 'localhost', servername: 'localhost', ca })
  return createWebSocketStream(new WebSocket(`${schemes[transport]}://localhost:${port}/mqtt`, 'mqtt', { ca }))
}

const hex = (code: number) => `0x${code.toString(16).padStart(2, '0').toUpperCase()}`
const say = (outcome: Outcome): string => {
  const [word, code] = Object.entries(outcome)[0] ?? ['nothing', true]
  return code === true ? 'closed' : `${word.toUpperCase()} ${hex(code)}`
}

const answers = {
  5: {
    connect: 'CONNACK 0x00',
    'wrong secret': 'CONNACK 0x86',
    revoked: 'CONNACK 0x87',
    'own topic': 'PUBACK 0x00',
    'foreign topic': 'PUBACK 0x87',
    'too large': 'DISCONNECT 0x95',
    'too deep': 'PUBACK 0x99',
    ...settled,
  },
  4: {
    connect: 'CONNACK 0x00',
    'wrong secret': 'CONNACK 0x04',
    revoked: 'CONNACK 0x05',
    'own topic': 'PUBACK 0x00',
    'foreign topic': 'closed',
    'too large': 'closed',
    'too deep': 'closed',
    ...settled,
  },
} as const

const row = (version: 4 | 5, transport: Transport): Row => {
  const attempt = (place: Place, { id, secret }: Credentials) =>
    ({
      port: place.port,
      version,
      username: id,
      password: secret,
      open: () => open(transport, place),
    }) as const
  return {
    protocol: version === 5 ? 'MQTT 5' : 'MQTT 3.1.1',
    transport,
    client: 'ours',
    here: true,
    answers: answers[version],
    connect: async (place, login) => say(await publishOnce(attempt(place, login))),
    publish: async (place, login, sample) => say(await publishOnce({ ...attempt(place, login), ...sample })),
    async takeCommand({ port, ca }, { id, secret }) {
      const path = transport.startsWith('WebSocket') ? '/mqtt' : ''
      const client = await connectAsync(`${schemes[transport]}://localhost:${port}${path}`, {
        username: id,
        password: secret,
        protocolVersion: version,
        reconnectPeriod: 0,
        ca,
      })
      const came = new Promise<[string, Buffer]>((resolve) =>
        client.once('message', (...each) => resolve([each[0], each[1]])),
      )
      await client.subscribeAsync(`devices/${id}/commands/+`, { qos: 1 })
      const [topic, bytes] = await came
      await client.endAsync()
      return toCommand(topic, bytes.toString())
    },
  }
}

export const mqttRows: Row[] = ([4, 5] as const).flatMap((version) =>
  (['TCP', 'TLS', 'WebSocket', 'WebSocket, TLS'] as const).map((transport) => row(version, transport)),
)
