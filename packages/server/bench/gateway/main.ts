// `npm run bench:gateway`: what the gateway costs beside HAProxy, which does the same with its MQTT converters and a consistent hash.
import { fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeDataFolder, startServer } from '../../test/harness/server-process.ts'
import { toTable } from '../store/figures.ts'
import { openClient, startSink, toConnect } from './peers.ts'

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    idle: { type: 'string', default: '5000' },
    mebibytes: { type: 'string', default: '512' },
  },
})
const seconds = Number(given.seconds)
const rounds = Number(given.rounds)
const idle = Number(given.idle)
const senders = 50
const messagesPerMs = 20
const messageBytes = 100
const settleMs = 2_000
/** Of Linux, as sysconf(_SC_CLK_TCK) says on every platform that Node is built for. */
const tickMicros = 10_000
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }

interface Proxy {
  name: string
  port: number
  pid: number
  stop(): Promise<void>
}
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}
async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await pause(100)
  }
  throw new Error(`nothing listens on ${port}`)
}

const sinks = [await startSink(), await startSink()]
const folder = await mkdtemp(join(tmpdir(), 'patchbay-bench-gateway-'))

async function startPatchbay(): Promise<Proxy> {
  const [data, port] = [await makeDataFolder(), await freePort()]
  await writeFile(join(folder, 'config.yaml'), `apisix:\n  stream_proxy:\n    tcp:\n      - ${port}\n`)
  const nodes = sinks.map((sink) => `        "127.0.0.1:${sink.port}": 1\n`).join('')
  const route = `stream_routes:\n  - id: 1\n    plugins:\n      mqtt-proxy:\n        protocol_level: 4\n    upstream:\n      type: chash\n      key: mqtt_client_id\n      nodes:\n${nodes}#END\n`
  await writeFile(join(folder, 'apisix.yaml'), route)
  const server = await startServer({ data: data.path, env: { PATCHBAY_GATEWAY: folder } })
  await untilListening(port)
  return {
    name: 'Patchbay',
    port,
    pid: server.child.pid ?? 0,
    async stop() {
      await server.stop()
      await data.remove()
    },
  }
}

async function startHaproxy(): Promise<Proxy> {
  const port = await freePort()
  const config = join(folder, 'haproxy.cfg')
  const servers = sinks.map((sink, index) => `  server s${index} 127.0.0.1:${sink.port}\n`).join('')
  await writeFile(
    config,
    `global\n  nbthread 1\n  maxconn 9000\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\nlisten mqtt\n  bind 127.0.0.1:${port}\n  tcp-request inspect-delay 5s\n  tcp-request content reject unless { req.payload(0,0),mqtt_is_valid }\n  balance hash req.payload(0,0),mqtt_field_value(connect,client_identifier)\n  hash-type consistent\n${servers}`,
  )
  const child = spawn('haproxy', ['-f', config, '-db'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  await untilListening(port)
  return {
    name: 'HAProxy',
    port,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function cpuMicros({ pid }: Proxy): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * tickMicros
}
async function memoryKib({ pid }: Proxy): Promise<number> {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
}
const received = (): number => sinks.reduce((sum, sink) => sum + sink.bytes(), 0)
async function untilReceived(bytes: number): Promise<void> {
  while (received() < bytes) await pause(1)
}

/** CPU of the proxy for each message: small ones, each written by itself, from many connections in turn. */
async function perMessage(proxy: Proxy): Promise<number> {
  const clients = await Promise.all(Array.from({ length: senders }, (_, index) => openClient(proxy.port, `m${index}`)))
  const message = Buffer.alloc(messageBytes, 1)
  const [cpu, before] = [await cpuMicros(proxy), received()]
  const startMs = performance.now()
  let sent = 0
  while (performance.now() - startMs < seconds * 1_000) {
    const due = Math.min((performance.now() - startMs) * messagesPerMs, sent + senders)
    for (; sent < due; sent++) clients[sent % senders]?.write(message)
    await pause(1)
  }
  await untilReceived(before + sent * messageBytes)
  const micros = ((await cpuMicros(proxy)) - cpu) / sent
  for (const client of clients) client.destroy()
  return micros
}

async function perMebibyte(proxy: Proxy): Promise<number> {
  const client = await openClient(proxy.port, 'bulk')
  const chunk = Buffer.alloc(1 << 20, 1)
  const [cpu, before, mebibytes] = [await cpuMicros(proxy), received(), Number(given.mebibytes)]
  for (let sent = 0; sent < mebibytes; sent++) if (!client.write(chunk)) await once(client, 'drain')
  await untilReceived(before + mebibytes * chunk.length)
  const micros = ((await cpuMicros(proxy)) - cpu) / mebibytes
  client.destroy()
  return micros
}

/** Connections opened, answered and closed: how many in a second, and the CPU of each. */
async function perConnection(proxy: Proxy): Promise<{ rate: number; micros: number }> {
  const [cpu, startMs] = [await cpuMicros(proxy), performance.now()]
  let count = 0
  const one = async (worker: number): Promise<void> => {
    while (performance.now() - startMs < seconds * 1_000) {
      const client = await openClient(proxy.port, `c${worker}-${count}`)
      client.destroy()
      count += 1
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, worker) => one(worker)))
  const elapsedMs = performance.now() - startMs
  await pause(200)
  return { rate: (count * 1_000) / elapsedMs, micros: ((await cpuMicros(proxy)) - cpu) / count }
}

async function perIdle(proxy: Proxy): Promise<number> {
  // The first ones bring code and tables that serve all: what is asked is what each one more costs.
  const warm = await Promise.all(Array.from({ length: 100 }, (_, index) => openClient(proxy.port, `w${index}`)))
  await pause(settleMs)
  const before = await memoryKib(proxy)
  const clients = []
  for (let index = 0; index < idle; index += 100)
    clients.push(
      ...(await Promise.all(Array.from({ length: 100 }, (_, one) => openClient(proxy.port, `i${index + one}`)))),
    )
  await pause(settleMs)
  const kib = ((await memoryKib(proxy)) - before) / clients.length
  for (const client of [...warm, ...clients]) client.destroy()
  await pause(settleMs)
  return kib
}

/** What the gateway alone holds for each: live objects and buffers after a collection, and the process's growth. */
async function heldKib(): Promise<{ held: number; rss: number }> {
  const child = fork(
    new URL('../../../../plugins/gateway-mqtt/test/held.ts', import.meta.url),
    sinks.map(({ port }) => String(port)),
    { execArgv: ['--expose-gc'] },
  )
  const hear = async (): Promise<Record<string, number>> => (await once(child, 'message'))[0]
  const { port = 0 } = await hear()
  const ask = async (): Promise<{ held: number; rss: number }> => {
    await pause(settleMs)
    child.send('say')
    const { held = 0, rss = 0 } = await hear()
    return { held, rss }
  }
  const clients = [await openClient(port, 'first')]
  const before = await ask()
  for (let index = 0; index < idle; index += 100)
    clients.push(...(await Promise.all(Array.from({ length: 100 }, (_, one) => openClient(port, `i${index + one}`)))))
  const after = await ask()
  child.kill()
  for (const client of clients) client.destroy()
  await pause(settleMs)
  return { held: (after.held - before.held) / idle / 1024, rss: (after.rss - before.rss) / idle / 1024 }
}

if (spawnSync('haproxy', ['-v'], { env }).error)
  throw new Error('haproxy is not on the PATH: install it to compare with')
const proxies = [await startPatchbay(), await startHaproxy()]
const figures = new Map<string, Map<string, number[]>>()
const note = (what: string, proxy: Proxy, value: number): void => {
  const row = figures.get(what) ?? new Map<string, number[]>()
  figures.set(what, row.set(proxy.name, [...(row.get(proxy.name) ?? []), value]))
}
const { held, rss } = await heldKib()
process.stdout.write(
  `the gateway alone: ${held.toFixed(1)} KiB of objects an idle connection, ${rss.toFixed(1)} KiB of memory (RSS)\n`,
)
// While nothing has been left behind that it could use again.
for (const proxy of proxies) note(`KiB per idle connection, at ${idle}`, proxy, await perIdle(proxy))
// Compiled before it is measured: a round of each that does not count.
for (const proxy of proxies) {
  await perMessage(proxy)
  await perConnection(proxy)
}
for (let round = 0; round < rounds; round++)
  for (const proxy of proxies) {
    note(`CPU µs per message of ${messageBytes} bytes`, proxy, await perMessage(proxy))
    note('CPU µs per MiB', proxy, await perMebibyte(proxy))
    const { rate, micros } = await perConnection(proxy)
    note('connections/s', proxy, rate)
    note('CPU µs per connection', proxy, micros)
  }

const rows = [...figures].map(([what, of]) => {
  const [ours = Number.NaN, theirs = Number.NaN] = proxies.map(({ name }) => median(of.get(name) ?? []))
  return [what, ours.toFixed(1), theirs.toFixed(1), (ours / theirs).toFixed(2)]
})
process.stdout.write(`${toTable([['', ...proxies.map(({ name }) => name), 'ratio'], ...rows])}\n`)
for (const proxy of proxies) await proxy.stop()
for (const sink of sinks) sink.close()
await rm(folder, { recursive: true })
process.stdout.write(
  `${spawnSync('haproxy', ['-v'], { env, encoding: 'utf8' }).stdout.split('\n', 1)[0]}; CONNECT ${toConnect('x').length} bytes\n`,
)
