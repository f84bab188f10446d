import { readFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeAmqp, connectAmqp, openAmqpSender, sendAmqp } from '../harness/amqp-client.ts'
import { createApi, createDevice, type Api, type TestDevice } from '../harness/api.ts'
import { connectGrpc } from '../harness/grpc-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'
import { connectWebSocket } from '../harness/websocket-client.ts'

let server: InProcess
let api: Api
let device: TestDevice
let ca: Buffer

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  device = await createDevice(api, 'all-1')
  ca = await readFile(join(server.data, 'tls', 'ca.crt'))
})
afterAll(() => server.close())

const topic = 'devices/all-1/telemetry'
const auth = () => `${device.id}:${device.secret}`

const ask = (secure: boolean, path: string, headers: Record<string, string>, body?: string) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const { request } = secure ? https : http
    const method = body === undefined ? 'GET' : 'POST'
    const asked = request(
      { host: 'localhost', port: server.port, path, ca, method, headers, agent: false },
      (answer) => {
        let text = ''
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })

/** Each publishes one reading and resolves when its protocol has acknowledged it. */
const protocols: Record<string, (secure: boolean, payload: string) => Promise<void>> = {
  async http(secure, payload) {
    const headers = { authorization: `Basic ${btoa(auth())}`, 'content-type': 'application/json' }
    expect((await ask(secure, `/v1/${topic}`, headers, payload)).status).toBe(204)
  },
  async mqtt(secure, payload) {
    const client = await connectAsync(`${secure ? 'mqtts' : 'mqtt'}://localhost:${server.port}`, {
      username: device.id,
      password: device.secret,
      protocolVersion: 5,
      ca,
    })
    await client.publishAsync(topic, payload, { qos: 1 })
    await client.endAsync()
  },
  async mqttOverWebSocket(secure, payload) {
    const client = await connectAsync(`${secure ? 'wss' : 'ws'}://localhost:${server.port}/mqtt`, {
      username: device.id,
      password: device.secret,
      ca,
    })
    await client.publishAsync(topic, payload, { qos: 1 })
    await client.endAsync()
  },
  async webSocket(secure, payload) {
    const client = await connectWebSocket(server.port, { scheme: secure ? 'wss' : 'ws', auth: auth(), ca })
    expect(await client.ask({ publish: topic, payload: JSON.parse(payload) })).toHaveProperty('ack')
    await client.close()
  },
  async amqp(secure, payload) {
    const connection = await connectAmqp(server.port, {
      username: device.id,
      password: device.secret,
      transport: secure ? 'tls' : 'tcp',
      ca,
    })
    expect(await sendAmqp(await openAmqpSender(connection, topic), payload)).toBe('accepted')
    await closeAmqp(connection)
  },
  async grpc(secure, payload) {
    const client = connectGrpc(server.port, { auth: auth(), ...(secure ? { ca } : {}) })
    expect(await client.publish(topic, payload)).toHaveProperty('code', 0)
    client.close()
  },
}

test.each([false, true])('console, REST and every protocol by the one port, all at once (TLS: %s)', async (secure) => {
  const pages = await Promise.all([
    ask(secure, '/', {}),
    ask(secure, '/api/v1/session', { authorization: `Bearer ${testKey}` }),
    ...Object.entries(protocols).map(async ([name, publish]) => {
      await publish(secure, JSON.stringify({ [`${name}-${secure}`]: 7.5 }))
      return { status: 200, text: name }
    }),
  ])
  expect(pages.map(({ status }) => status)).toEqual(pages.map(() => 200))
  expect(pages[0]?.text).toContain('<html')
  const latest = (await api.get('/api/v1/devices/all-1/latest')).body
  for (const name of Object.keys(protocols)) expect(latest[`${name}-${secure}`]?.value).toBe(7.5)
})
