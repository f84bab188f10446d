// `npm run bench:live`: what 100 viewers cost the server, in one frame per 100 ms and viewer, beside one send per update.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import mqtt, { type MqttClient } from 'mqtt'
import { type Child, startChild } from './child.ts'
import { cpuSecondsOf } from './cpu.ts'
import { openViewers, type Viewers } from './viewers.ts'

const { values: given } = parseArgs({
  options: {
    viewers: { type: 'string', default: '100' },
    devices: { type: 'string', default: '100' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
  },
})
const viewers = Number(given.viewers)
const devices = Number(given.devices)
const rate = Number(given.rate)
const seconds = Number(given.seconds)
const rounds = Number(given.rounds)
const settleMs = 1000
const tickMs = 10

const key = 'bench-key-of-the-live-bench-0123456789abcdef'
const ids = Array.from({ length: devices }, (_, i) => `bench-${i}`)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN

interface Phase {
  /** CPU of the process in µs for each update. */
  micros: number
  /** CPU in percent of a core. */
  percent: number
  bytes: number
}

/** What the process uses for the updates of some seconds. */
async function measure(pid: number, updates: () => number, watching?: Viewers): Promise<Phase> {
  await pause(settleMs)
  const [cpu, sent, bytes, began] = [cpuSecondsOf(pid), updates(), watching?.bytes ?? 0, performance.now()]
  await pause(seconds * 1000)
  const used = cpuSecondsOf(pid) - cpu
  return {
    micros: (used * 1_000_000) / (updates() - sent),
    percent: (used * 100_000) / (performance.now() - began),
    bytes: ((watching?.bytes ?? 0) - bytes) / (updates() - sent),
  }
}

async function createFleet(port: number): Promise<MqttClient> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  for (const id of ids) await post('/api/v1/devices', { id })
  const made = await post('/api/v1/api-keys', { name: 'bench', role: 'none', publish: ['devices/#'] })
  const password = made !== null && typeof made === 'object' && 'key' in made ? String(made.key) : ''
  return mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { username: 'key', password, protocolVersion: 5 })
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const data = await mkdtemp(join(tmpdir(), 'patchbay-bench-live-'))
const children: Child[] = []
try {
  const product = await startChild(['--max-semi-space-size=16', join(root, 'packages/server/src/start.js')], {
    MALLOC_ARENA_MAX: '2',
    PATCHBAY_DATA: data,
    PATCHBAY_PORT: '0',
    PATCHBAY_MQTT_PORT: '0',
    PATCHBAY_MQTTS_PORT: '0',
    PATCHBAY_COAP_PORT: '0',
    PATCHBAY_COAPS_PORT: '0',
    PATCHBAY_API_KEY: key,
  })
  children.push(product)
  const naive = await startChild([join(root, 'bench/live/fan-out.ts')], { RATE: `${rate}`, DEVICES: `${devices}` })
  children.push(naive)

  const client = await createFleet(product.port)
  let stored = 0
  let sent = 0
  const began = performance.now()
  const load = setInterval(() => {
    // By the time that has passed, so that a late timer loses nothing.
    const due = Math.floor(((performance.now() - began) * rate) / 1000)
    for (; sent < due; sent++) {
      const topic = `devices/bench-${sent % devices}/telemetry`
      client.publish(topic, `{"temperature":${sent / 10}}`, { qos: 1 }, (error) => {
        if (!error) stored++
      })
    }
  }, tickMs)
  const naiveUpdates = (): number => ((performance.now() - began) * rate) / 1000

  const subscribe = JSON.stringify({ subscribe: { kind: 'devices', ids } })
  const results: { alone: Phase; live: Phase; idle: Phase; each: Phase }[] = []
  for (let round = 0; round < rounds; round++) {
    const alone = await measure(product.pid, () => stored)
    const headers = { authorization: `Bearer ${key}` }
    const watching = await openViewers({
      port: product.port,
      path: '/api/v1/live',
      count: viewers,
      headers,
      request: subscribe,
    })
    const live = await measure(product.pid, () => stored, watching)
    watching.close()
    const idle = await measure(naive.pid, naiveUpdates)
    const fanned = await openViewers({ port: naive.port, path: '/', count: viewers, headers: {}, request: subscribe })
    const each = await measure(naive.pid, naiveUpdates, fanned)
    fanned.close()
    results.push({ alone, live, idle, each })
  }
  clearInterval(load)
  await client.endAsync(true)

  const rows = [
    ['the platform, nobody looks', (r: (typeof results)[number]) => r.alone],
    [`the platform, ${viewers} viewers`, (r: (typeof results)[number]) => r.live],
    ['one send per update, nobody looks', (r: (typeof results)[number]) => r.idle],
    [`one send per update, ${viewers} viewers`, (r: (typeof results)[number]) => r.each],
  ] as const
  console.log(`${viewers} viewers on ${devices} devices, ${rate} updates/s, ${rounds} rounds of ${seconds} s, medians`)
  console.log('| process | CPU, % of a core | CPU µs/update | bytes to viewers/update |\n| --- | --- | --- | --- |')
  for (const [name, of] of rows) {
    const each = [median(results.map((r) => of(r).percent)), median(results.map((r) => of(r).micros))]
    const bytes = median(results.map((r) => of(r).bytes))
    console.log(`| ${name} | ${each.map((value) => value.toFixed(1)).join(' | ')} | ${bytes.toFixed(0)} |`)
  }
  const ratios = results.map(
    ({ alone, live, idle, each }) => (live.micros - alone.micros) / (each.micros - idle.micros),
  )
  console.log(
    `delivery, one frame per 100 ms ÷ one send per update: ${median(ratios).toFixed(3)} ` +
      `(rounds: ${ratios.map((ratio) => ratio.toFixed(3)).join(', ')})`,
  )
} finally {
  for (const child of children) await child.stop()
  await rm(data, { recursive: true, force: true })
}
