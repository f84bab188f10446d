import { setTimeout as wait } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { expect, test, vi } from 'vitest'
import { type MosquittoServer, noMosquitto, startMosquitto } from '../harness/mosquitto-server.ts'
import { readAll } from '../harness/api.ts'
import { startMqttLoad } from '../harness/mqtt-load.ts'
import { isLong } from '../harness/random.ts'
import { runKillRounds } from './kill-rounds.ts'

const rounds = isLong ? 10 : 2
const devices = 1
const instance = '/api/v1/plugins/bridge-mqtt/instances/main'
const awayMs = 400
const backEveryMs = 10
/** Mosquitto acknowledges before it has saved: what it loses of this time before its own kill is not the bridge's. */
const unsavedMs = 500
const rabbitUrl = process.env['RABBITMQ_MQTT_URL']

/** What came to the far end, by device, in the order in which it came. */
async function watch(url: string): Promise<{ got: Map<string, number[]>; client: MqttClient }> {
  const got = new Map<string, number[]>()
  const client = mqtt.connect(url, {
    clientId: 'watcher',
    clean: false,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 3600 },
    reconnectPeriod: 50,
  })
  client.on('error', () => undefined)
  client.on('message', (topic, bytes) => {
    const device = topic.split('/')[1] ?? ''
    const list = got.get(device) ?? []
    list.push(JSON.parse(bytes.toString()).values.n)
    got.set(device, list)
  })
  await new Promise((resolve) => client.once('connect', resolve))
  await client.subscribeAsync('there/#', { qos: 1 })
  return { got, client }
}

async function runRounds(url: string, outage?: Pick<MosquittoServer, 'kill' | 'start'>): Promise<void> {
  const { got, client } = await watch(url)
  /** What the broker has acknowledged of the way back. */
  const back: { n: number; atMs: number }[] = []
  const kills: number[] = []
  const end = new AbortController()
  const publishBack = async (): Promise<void> => {
    for (let n = 0; !end.signal.aborted; n += 1) {
      const payload = JSON.stringify({ ts: 1_765_000_000_000 + n, values: { back: n } })
      await client.publishAsync('back/dev-0', payload, { qos: 1 })
      back.push({ n, atMs: performance.now() })
      await wait(backEveryMs)
    }
  }
  let publishing: Promise<void> | undefined
  const { protocol, host, username, password } = new URL(url)
  let loads = 0
  let away: Promise<void> | undefined
  const counts = { missing: 0, missingHere: 0, disordered: 0, came: 0, again: 0 }
  try {
    const figures = await runKillRounds({
      name: 'bridge kill',
      rounds,
      devices,
      async prepare(api) {
        const put = await api.put(instance, {
          config: {
            url: `${protocol}//${host}`,
            clientId: 'patchbay',
            ...(username === '' ? {} : { username, password }),
            out: [{ from: 'devices/+/telemetry', to: 'there/+' }],
            in: [{ from: 'back/+', to: 'devices/+/telemetry', qos: '1' }],
          },
        })
        expect(put.body).toMatchObject({ state: 'running' })
        publishing = publishBack()
      },
      start(port, device, from) {
        // With the first device of each round, so that the broker is away for a part of the load.
        if (outage && loads++ % devices === 0)
          away = (away ?? Promise.resolve())
            .then(() => void kills.push(performance.now()))
            .then(outage.kill)
            .then(() => wait(awayMs))
            .then(outage.start)
        return startMqttLoad(port, device, { inFlight: 20, baseMs: 1_764_000_000_000, from })
      },
      async check({ api, devices: all, acked }) {
        await away
        end.abort()
        await publishing
        await vi.waitFor(async () => expect((await api.get(instance)).body).toMatchObject({ lag: { records: 0 } }), {
          timeout: rounds * 15_000 + 30_000,
          interval: 100,
        })
        const wanted = all.map((_, i) => new Set(acked[i]))
        await vi
          .waitFor(
            () => {
              const there = all.map(({ id }) => new Set(got.get(id)))
              counts.missing = wanted.reduce((sum, set, i) => sum + [...set].filter((n) => !there[i]!.has(n)).length, 0)
              expect(counts.missing).toBe(0)
            },
            { timeout: 10_000 },
          )
          .catch(() => undefined)
        for (const { id } of all) {
          const list = got.get(id) ?? []
          const firsts = [...new Set(list)]
          counts.came += list.length
          counts.again += list.length - firsts.length
          counts.disordered += firsts.filter((n, at) => at > 0 && n < (firsts[at - 1] ?? 0)).length
        }
        const isStored = async (): Promise<void> => {
          const stored = new Set((await readAll(api, 'dev-0', 'back')).map(({ value }) => value))
          const isSaved = (atMs: number) => !kills.some((killMs) => atMs <= killMs + 50 && killMs - atMs < unsavedMs)
          counts.missingHere = back.filter(({ n, atMs }) => isSaved(atMs) && !stored.has(n)).length
          expect(counts.missingHere).toBe(0)
        }
        await vi.waitFor(isStored, { timeout: 10_000 }).catch(() => undefined)
        expect((await api.get(instance)).body).toMatchObject({ refused: 0, bridge: { turnedAway: 0 } })
      },
    })
    console.log(
      `at the other broker: acknowledged ${figures.acknowledged}, came ${counts.came}, again ${counts.again}, missing ${counts.missing}, out of order ${counts.disordered}; back here: acknowledged ${back.length}, missing ${counts.missingHere}`,
    )
    expect(figures.acknowledged).toBeGreaterThan(rounds * 50)
    expect(back.length).toBeGreaterThan(rounds * 10)
    expect(counts).toMatchObject({ missing: 0, missingHere: 0, disordered: 0 })
  } finally {
    end.abort()
    await client.endAsync(true)
  }
}

test.skipIf(noMosquitto !== undefined)(
  `all that was acknowledged is at the other broker, in order, after ${rounds} × kill -9 of the server and of Mosquitto${noMosquitto === undefined ? '' : `, ${noMosquitto}`}`,
  { timeout: rounds * 30_000 + 120_000 },
  async () => {
    const broker = await startMosquitto({ keeps: true })
    try {
      await runRounds(`mqtt://127.0.0.1:${broker.port}`, broker)
    } finally {
      await broker.stop()
    }
  },
)

test.skipIf(rabbitUrl === undefined || !isLong)(
  `the same with RabbitMQ${rabbitUrl === undefined ? ', skipped, no RABBITMQ_MQTT_URL' : isLong ? '' : ', skipped, only in the long run'}`,
  { timeout: rounds * 30_000 + 120_000 },
  () => runRounds(rabbitUrl ?? ''),
)
