import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeAmqp, connectAmqp } from '../harness/amqp-client.ts'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { connectGrpc } from '../harness/grpc-client.ts'
import { publishOnce } from '../harness/publish-once.ts'
import { isLong } from '../harness/random.ts'
import { makeDataFolder, type ServerProcess, startServer } from '../harness/server-process.ts'
import { runSlowPeers } from '../harness/slow-peers.ts'

/** Per listener; in `npm test` it is a taste, and all listeners have theirs at once. */
const peers = isLong ? 2_000 : 120
const withinMs = isLong ? 4_000 : 1_500
const closedWithinMs = 5_000
/** From the server's timer to the client's event, on a machine that is busy with both. */
const slackMs = 1_000
const loginP99Ms = isLong ? 200 : 1_000
const loginEveryMs = 15

const freePort = async (): Promise<number> => {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return address !== null && typeof address === 'object' ? address.port : 0
}

const b64 = (...parts: (string | number[])[]): string =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string))).toString('base64')
const upgrade = (path: string, more = '') =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
  `sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n${more}\r\n`
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** Beginnings that never go on. */
const heads = {
  mqtt: [b64([0x10]), b64([0x10, 0x40, 0, 4], 'MQTT', [4, 2, 0, 60, 0, 10])],
  http: [
    b64('GET /v1/dev'),
    b64('POST /v1/devices/a/telemetry HTTP/1.1\r\nHost: a\r\nX: '),
    b64(upgrade('/v1/ws')),
    b64(upgrade('/mqtt', 'sec-websocket-protocol: mqtt\r\n')),
  ],
  amqp: [b64('AMQP'), b64('AMQP', [3, 1, 0, 0]), b64('AMQP', [3, 1, 0, 0], [0, 0, 1, 0, 2])],
  grpc: [b64('PRI * HTTP'), b64(preface), b64(preface, [0, 0, 0, 4, 0, 0, 0, 0, 0])],
}

let data: Awaited<ReturnType<typeof makeDataFolder>>
let server: ServerProcess
let api: Api
let device: TestDevice
let ca: Buffer
const ports = { main: 0, mqtt: 0, mqtts: 0, amqp: 0, grpc: 0 }

beforeAll(async () => {
  data = await makeDataFolder()
  for (const name of ['mqtt', 'mqtts', 'amqp', 'grpc'] as const) ports[name] = await freePort()
  const env = {
    PATCHBAY_MQTT_PORT: String(ports.mqtt),
    PATCHBAY_MQTTS_PORT: String(ports.mqtts),
    PATCHBAY_AMQP_PORT: String(ports.amqp),
    PATCHBAY_GRPC_PORT: String(ports.grpc),
  }
  server = await startServer({ data: data.path, env })
  ports.main = server.port
  api = createApi(server.url)
  device = await createDevice(api, 'slow-1')
  ca = await readFile(join(data.path, 'tls', 'ca.crt'))
  for (const login of Object.values(logins))
    for (const secure of [false, true]) await login(portOf(login, secure), secure)
})
afterAll(async () => {
  await server.stop()
  await data.remove()
})

type LogIn = (port: number, secure: boolean) => Promise<void>
/** A login by each protocol, on a connection of its own. */
const logins = {
  async mqtt(port, secure) {
    const open = () => tls.connect({ port, host: 'localhost', servername: 'localhost', ca })
    const attempt = { port, version: 5, username: device.id, password: device.secret } as const
    expect(await publishOnce({ ...attempt, ...(secure ? { open } : {}) })).toEqual({ connack: 0 })
  },
  async amqp(port, secure) {
    const login = { username: device.id, password: device.secret, ca }
    await closeAmqp(await connectAmqp(port, { ...login, transport: secure ? 'tls' : 'tcp' }))
  },
  async grpc(port, secure) {
    const client = connectGrpc(port, { auth: `${device.id}:${device.secret}`, ...(secure ? { ca } : {}) })
    expect(await client.publish('sensors/slow-1/n', '1')).toHaveProperty('code', 0)
    client.close()
  },
} satisfies Record<string, LogIn>
const portOf = (login: LogIn, secure: boolean): number => {
  if (login === logins.amqp) return ports.amqp
  if (login === logins.grpc) return ports.grpc
  return secure ? ports.mqtts : ports.mqtt
}

const listeners: { name: string; port: () => number; secure: boolean; heads: string[]; login: LogIn }[] = [
  {
    name: 'the one port',
    port: () => ports.main,
    secure: false,
    heads: Object.values(heads).flat(),
    login: logins.mqtt,
  },
  {
    name: 'the one port, TLS',
    port: () => ports.main,
    secure: true,
    heads: Object.values(heads).flat(),
    login: logins.mqtt,
  },
  { name: 'MQTT', port: () => ports.mqtt, secure: false, heads: heads.mqtt, login: logins.mqtt },
  { name: 'MQTT, TLS', port: () => ports.mqtts, secure: true, heads: heads.mqtt, login: logins.mqtt },
  { name: 'AMQP', port: () => ports.amqp, secure: false, heads: heads.amqp, login: logins.amqp },
  { name: 'AMQP, TLS', port: () => ports.amqp, secure: true, heads: heads.amqp, login: logins.amqp },
  { name: 'gRPC', port: () => ports.grpc, secure: false, heads: heads.grpc, login: logins.grpc },
  { name: 'gRPC, TLS', port: () => ports.grpc, secure: true, heads: heads.grpc, login: logins.grpc },
]

const round = async ({ name, port, secure, heads: mine, login }: (typeof listeners)[number]) => {
  const over = new AbortController()
  const slow = runSlowPeers({ port: port(), count: peers, withinMs, heads: mine, secure }).finally(() => over.abort())
  const latencies: number[] = []
  while (!over.signal.aborted) {
    const fromMs = performance.now()
    await login(port(), secure)
    latencies.push(performance.now() - fromMs)
    await wait(loginEveryMs)
  }
  const figures = await slow
  latencies.sort((a, b) => a - b)
  const p99Ms = latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN
  console.log(
    `${name}: ${figures.closed} of ${figures.count} slow peers closed, worst after ${figures.worstMs} ms, dripping ${figures.worstDrippedMs} ms (${JSON.stringify(figures.worstKind)}); ` +
      `${latencies.length} logins meanwhile, p50 ${latencies[latencies.length >> 1]?.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
  )
  return { name, ...figures, p99Ms }
}

test(
  `${peers} slow or half-open peers of each listener are closed in 5 s, and others log in`,
  { timeout: 200_000 },
  async () => {
    const all: Awaited<ReturnType<typeof round>>[] = []
    if (isLong) for (const listener of listeners) all.push(await round(listener))
    else all.push(...(await Promise.all(listeners.map(round))))
    for (const { name, closed, count, worstMs, worstDrippedMs, p99Ms } of all) {
      expect(closed, name).toBe(count)
      expect(worstMs, name).toBeLessThan(closedWithinMs + slackMs)
      expect(worstDrippedMs, name).toBeLessThan(2 * closedWithinMs + slackMs)
      expect(p99Ms, name).toBeLessThan(loginP99Ms)
    }
    expect(server.output()).not.toMatch(/"level":(50|60)/)
  },
)
