import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import net from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'
import type { EventContext } from 'rhea'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectAmqp } from '../harness/amqp-client.ts'
import { createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { openCoapWire } from '../harness/coap-wire.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectWebSocket } from '../harness/websocket-client.ts'

/** A header that announces more than anybody may send, and nothing after it: it must be refused there and then. */
const withinMs = 2_000
const huge = 0x3fff_ffff

let server: InProcess
let device: TestDevice
let auth: string

beforeAll(async () => {
  server = await startInProcess()
  device = await createDevice(createApi(server.url), 'huge-1')
  auth = `Basic ${btoa(`${device.id}:${device.secret}`)}`
})
afterAll(() => server.close())

const soon = <T>(work: Promise<T>): Promise<T> =>
  Promise.race([
    work,
    new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('still waited for')), withinMs)),
  ])

/** Sends bytes, and answers what came back until the server closed. */
const converse = (...parts: (string | number[] | Buffer)[]): Promise<string> =>
  new Promise((resolve) => {
    const socket = net.connect(server.port, '127.0.0.1')
    let text = ''
    socket.on('error', () => undefined) // a reset is a way of being refused
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('close', () => resolve(text))
    socket.write(Buffer.concat(parts.map((part) => Buffer.from(part as string))))
  })

/** The five bytes of a PUBLISH or CONNECT of 256 MB. */
const hugePacket = (first: number) => [first, 0xff, 0xff, 0xff, 0x7f]

describe('a huge length is refused at its header', () => {
  test('before the login, of whatever protocol', async () => {
    expect(await soon(converse(hugePacket(0x10), [0, 4], 'MQTT', [5, 2, 0, 60]))).not.toContain('\u0020\u0002\u0000')
    expect(await soon(converse('AMQP', [3, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 2, 1, 0, 0]))).toMatch(/^AMQP/)
    expect(await soon(converse(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}`))).toMatch(/^HTTP\/1.1 431|^$/)
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
    await soon(converse(preface, [0, 0, 0, 4, 0, 0, 0, 0, 0], [0xff, 0xff, 0xff, 1, 4, 0, 0, 0, 1]))
  })

  test('MQTT', async () => {
    const login: Packet = {
      cmd: 'connect',
      clientId: 'huge',
      protocolVersion: 5,
      clean: true,
      keepalive: 60,
      username: device.id,
      password: Buffer.from(device.secret),
    }
    const heard = await soon(converse(mqttPacket.generate(login, { protocolVersion: 5 }), hugePacket(0x32)))
    // CONNACK 0, then DISCONNECT 0x95
    expect(heard).toMatch(/^\u0020/)
    expect(Buffer.from(heard, 'latin1').includes(Buffer.from([0xe0]))).toBe(true)
    expect(Buffer.from(heard, 'latin1').includes(Buffer.from([0x95]))).toBe(true)
  })

  test('HTTP', async () => {
    const head = `POST /v1/devices/huge-1/telemetry HTTP/1.1\r\nHost: a\r\nAuthorization: ${auth}\r\n`
    expect(await soon(converse(`${head}Content-Length: ${huge}\r\nConnection: close\r\n\r\n`))).toMatch(
      /^HTTP\/1.1 413/,
    )
  })

  test('WebSocket', async () => {
    const client = await connectWebSocket(server.port, { auth: `${device.id}:${device.secret}` })
    const socket = (client.socket as unknown as { _socket: net.Socket })._socket
    socket.write(Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]))
    expect(await soon(client.closed)).toBe(1009)
  })

  test('AMQP', async () => {
    const connection = await connectAmqp(server.port, { username: device.id, password: device.secret })
    const closed = once(connection, 'connection_close')
    const { socket } = connection as unknown as { socket: net.Socket }
    socket.write(Buffer.from([0x3f, 0xff, 0xff, 0xff, 2, 0, 0, 0]))
    const [context] = (await soon(closed)) as [EventContext]
    expect(context.connection.error).toMatchObject({ condition: 'amqp:connection:framing-error' })
  })

  test('gRPC', async () => {
    const session = connectHttp2(server.url)
    const call = session.request({
      ':method': 'POST',
      ':path': '/patchbay.v1.Devices/Publish',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: auth,
    })
    call.on('error', () => undefined) // its status is looked at
    const status = new Promise<unknown>((resolve) => {
      for (const event of ['response', 'trailers'] as const) {
        call.on(event, (headers: Record<string, unknown>) => {
          if (headers['grpc-status'] !== undefined) resolve(headers['grpc-status'])
        })
      }
    })
    call.write(Buffer.from([0, 0x3f, 0xff, 0xff, 0xff]))
    expect(await soon(status)).toBe('8')
    session.destroy()
  })

  test('CoAP', async () => {
    const wire = await openCoapWire(server.port, device)
    const options = [
      { name: 'Block1', value: Buffer.from([0x0e]) },
      { name: 'Size1', value: Buffer.from([0x3f, 0xff, 0xff, 0xff]) },
    ]
    const payload = Buffer.alloc(1024)
    const { code } = await soon(wire.ask({ method: 'POST', topic: 'devices/huge-1/telemetry', payload, options }))
    expect(code).toBe('4.13')
    await wire.close()
  })
})
