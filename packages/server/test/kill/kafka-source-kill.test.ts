import { randomUUID } from 'node:crypto'
import { openOutage } from '@patchbay/testkit'
import { expect, test, vi } from 'vitest'
import { bundledPlugins } from '../../src/parts/bundled-plugins.ts'
import { createApi, createDevice, readAll } from '../harness/api.ts'
import { startInProcess } from '../harness/in-process.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',')
const canGoAway = process.env['PATCHBAY_TEST_SERVERS'] !== undefined
const lacks = process.env['KAFKA_BROKERS'] === undefined ? ', skipped, no KAFKA_BROKERS' : ''
const kills = isLong ? 10 : 2
const devices = 5
const perRound = 2000
const readWithinMs = 60_000
const baseMs = 1_764_000_000_000
const instance = '/api/v1/plugins/source-kafka/instances/main'

/** One platform writes to Kafka what its devices say, the other reads it there; the second and the broker are killed by turns. */
test.skipIf(lacks !== '')(
  `what went by Kafka is here, once, after ${kills} × kill -9 of Patchbay and of the broker${lacks}`,
  { timeout: kills * 60_000 + 120_000 },
  async () => {
    const random = createRandom('kafka source kill')
    const outage = await openOutage('kafka', `tcp://${brokers[0]}`)
    const topic = `patchbay-${randomUUID()}`
    const far = await startInProcess({
      bundled: bundledPlugins.filter(({ manifestFile }) => /adapter-http|sink-kafka/.test(String(manifestFile))),
    })
    const data = await makeDataFolder()
    try {
      const api = createApi(far.url)
      await api.put('/api/v1/plugins/adapter-http/instances/default', { config: {} })
      await api.put('/api/v1/plugins/sink-kafka/instances/main', {
        delivery: { wait: '10ms' },
        config: { brokers, topic },
      })
      const senders = await Promise.all(Array.from({ length: devices }, (_, i) => createDevice(api, `far-${i}`)))
      let sent = 0
      const send = async (): Promise<void> => {
        for (const { id, secret } of senders) {
          const readings = Array.from({ length: perRound / devices }, (_, i) => ({
            ts: baseMs + sent + i,
            values: { n: sent + i },
          }))
          const { status } = await fetch(`${far.url}/v1/devices/${id}/telemetry`, {
            method: 'POST',
            headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
            body: JSON.stringify(readings),
          })
          expect(status).toBe(204)
          sent += readings.length
        }
      }
      const delivered = (): Promise<void> =>
        vi.waitFor(
          async () =>
            expect((await api.get('/api/v1/plugins/sink-kafka/instances/main')).body).toMatchObject({
              sent,
              lag: { records: 0 },
            }),
          { timeout: readWithinMs, interval: 100 },
        )

      let server = await startServer({ data: data.path })
      const config = { brokers, topics: [topic], group: topic, createDevices: { type: 'default', tags: '' } }
      expect((await createApi(server.url).put(instance, { config })).status).toBe(200)
      const rule = await createApi(server.url).post('/api/v1/rules', {
        name: 'Far',
        scope: { devices: ['far-0'] },
        levels: [{ severity: 'critical', when: 'n >= 0.0' }],
      })
      for (let round = 0; round < kills; round++) {
        await send()
        // At a moment of its own, while messages come in.
        await new Promise((resolve) => setTimeout(resolve, random.next() * 400))
        await server.kill()
        server = await startServer({ data: data.path })
        await send()
        if (!canGoAway) continue
        await outage.stop()
        await outage.start()
      }
      await delivered()
      const near = createApi(server.url)
      const found = async (): Promise<number[]> =>
        (
          await Promise.all(
            senders.map(async ({ id }) =>
              (await readAll(near, id, 'n').catch(() => [])).map(({ value }) => Number(value)),
            ),
          )
        ).flat()
      await vi.waitFor(async () => expect(new Set(await found()).size).toBe(sent), {
        timeout: readWithinMs,
        interval: 300,
      })
      const all = await found()
      const { body } = await near.get(instance)
      const missing = Array.from({ length: sent }, (_, n) => n).filter((n) => !all.includes(n))
      console.log(
        `kafka source kill: ${kills} × kill -9 of Patchbay and ${canGoAway ? kills : 0} of Kafka (${outage.how}), ${sent} sent, missing ${missing.length}, doubled ${all.length - sent}, seed ${random.seed}`,
      )
      expect(missing).toEqual([])
      const { body: alerts } = await near.get(`/api/v1/alerts?rule=${rule.body.id}`)
      expect(alerts.items).toMatchObject([{ device: 'far-0', state: 'open', severity: 'critical' }])
      expect(all).toHaveLength(sent)
      expect(body).toMatchObject({ state: 'running', feedStatus: { refused: 0 } })
      await server.stop()
    } finally {
      await far.close()
      await data.remove()
      await outage.close()
    }
  },
)
