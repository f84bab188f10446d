import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createApi } from '../harness/api.ts'
import { startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'

const influxUrl = process.env['INFLUXDB_URL']
/** A folder with recordings, such as bench/fixtures. */
const data = process.env['PATCHBAY_REAL_DATA']
const lacks = influxUrl === undefined ? 'INFLUXDB_URL' : data === undefined ? 'PATCHBAY_REAL_DATA' : undefined
const simulate = fileURLToPath(new URL('../../../../bench/simulate/main.ts', import.meta.url))
const deliveredWithinMs = 60_000

interface Sent {
  device: string
  body: string
}

/** Stands before the server, and hears what devices send and the server acknowledges. */
async function openEar(serverUrl: string): Promise<{ url: string; heard: Sent[] }> {
  const heard: Sent[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 50 })
  const { port, hostname } = new URL(serverUrl)
  const ear = createServer(async (asked, answer) => {
    const parts: Buffer[] = []
    for await (const part of asked) parts.push(part)
    const body = Buffer.concat(parts)
    const { method, url: path = '', headers } = asked
    const through = request({ agent, hostname, port, path, method, headers }, (said) => {
      const device = /^\/v1\/devices\/([^/]+)\/telemetry$/.exec(path)?.[1]
      if (device && said.statusCode === 204) heard.push({ device: decodeURIComponent(device), body: body.toString() })
      answer.writeHead(said.statusCode ?? 500, said.headers)
      said.pipe(answer)
    })
    through.on('error', () => answer.destroy())
    through.end(body)
  })
  await new Promise<void>((resolve) => ear.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    agent.destroy()
    ear.closeAllConnections()
    ear.close()
  })
  return { url: `http://127.0.0.1:${(ear.address() as AddressInfo).port}`, heard }
}

const toPoint = (measurement: string, device: string, micros: number, value: unknown): string =>
  JSON.stringify([measurement, device, micros, typeof value === 'object' ? JSON.stringify(value) : value])

/** The points of what was sent; null is no value. */
const toSent = (heard: readonly Sent[]): string[] =>
  heard.flatMap(({ device, body }) => {
    const { ts, values }: { ts: number; values: Record<string, unknown> } = JSON.parse(body)
    return Object.entries(values).flatMap(([key, value]) =>
      value === null ? [] : [toPoint(key, device, Math.round(ts * 1000), value)],
    )
  })

test.skipIf(lacks !== undefined)(
  `recorded devices are replayed: InfluxDB has point for point what they sent${lacks ? `, skipped, no ${lacks}` : ''}`,
  { timeout: 240_000 },
  async () => {
    const database = `patchbay-${randomUUID()}`
    const query = async (q: string): Promise<any> => {
      const body = new URLSearchParams({ db: database, epoch: 'u', q })
      return (await fetch(`${influxUrl}/query`, { method: 'POST', body })).json()
    }
    await query(`CREATE DATABASE "${database}"`)
    const server = await startInProcess({})
    onTestFinished(async () => {
      await server.close()
      await query(`DROP DATABASE "${database}"`)
    })
    const api = createApi(server.url)
    const instance = '/api/v1/plugins/sink-influxdb/instances/main'
    const put = await api.put(instance, {
      delivery: { from: 'beginning' },
      config: { url: influxUrl, version: 1, database },
    })
    expect(put.status).toBe(200)
    const ear = await openEar(server.url)
    const options = ['--devices', '16', '--time', 'recorded', '--protocol', 'http', '--keep', '--rate', '5000']
    const env = { ...process.env, PATCHBAY_API_KEY: testKey }
    await promisify(execFile)(process.execPath, [simulate, ...options, '--duration', '120s', '--url', ear.url], { env })

    const sent = toSent(ear.heard)
    await vi.waitFor(
      async () => {
        const { body } = await api.get(instance)
        expect(body).toMatchObject({ lag: { records: 0 }, refused: 0, deliveryStatus: { gone: 0, deadLetters: 0 } })
      },
      { timeout: deliveredWithinMs, interval: 200 },
    )
    const { results: names } = await query('SHOW MEASUREMENTS')
    const found: string[] = []
    for (const [name] of names[0].series[0].values) {
      const { results } = await query(`SELECT "value", "device" FROM ${JSON.stringify(name)}`)
      for (const [at, value, device] of results[0].series[0].values) found.push(toPoint(name, device, at, value))
    }
    console.log(`replayed: ${ear.heard.length} messages, ${sent.length} points sent, ${found.length} in InfluxDB`)
    expect(sent.length).toBeGreaterThan(30_000)
    const there = new Set(found)
    const wanted = new Set(sent)
    expect({
      missing: sent.filter((point) => !there.has(point)).slice(0, 5),
      others: found.filter((point) => !wanted.has(point)).slice(0, 5),
      points: found.length,
    }).toEqual({ missing: [], others: [], points: wanted.size })
  },
)
