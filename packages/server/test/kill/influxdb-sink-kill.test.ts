import { randomUUID } from 'node:crypto'
import { openOutage } from '@patchbay/testkit'
import { expect, test, vi } from 'vitest'
import { readAll } from '../harness/api.ts'
import { startMqttLoad } from '../harness/mqtt-load.ts'
import { isLong } from '../harness/random.ts'
import { runKillRounds } from './kill-rounds.ts'

const influxUrl = process.env['INFLUXDB_URL']
const rounds = isLong ? 10 : 2
const devices = 2
const deliveredWithinMs = 90_000
const instance = '/api/v1/plugins/sink-influxdb/instances/main'

const query = async (database: string, q: string): Promise<any> => {
  const body = new URLSearchParams({ db: database, epoch: 'ms', q })
  const answer = await fetch(`${influxUrl}/query`, { method: 'POST', body })
  return answer.json()
}

test.skipIf(influxUrl === undefined)(
  `everything stored is in InfluxDB, once, after ${rounds} × kill -9 of the server while InfluxDB goes away, too${influxUrl === undefined ? ', skipped, no INFLUXDB_URL' : ''}`,
  { timeout: rounds * 30_000 + 120_000 },
  async () => {
    const outage = await openOutage('influxdb', influxUrl ?? '')
    const database = `patchbay-${randomUUID()}`
    const baseMs = Date.now() - 86_400_000
    let loads = 0
    let away: Promise<void> | undefined
    const counts = { stored: 0, missing: 0, others: 0 }
    await query(database, `CREATE DATABASE "${database}"`)
    try {
      const figures = await runKillRounds({
        name: 'influxdb sink kill',
        rounds,
        devices,
        async prepare(api) {
          const put = await api.put(instance, {
            delivery: { from: 'beginning', wait: '100ms' },
            config: { url: outage.url, version: 1, database },
          })
          expect(put.status).toBe(200)
        },
        start(port, device, from) {
          // With the first device of each round, so that it is away for a part of the load.
          if (loads++ % devices === 0) away = (away ?? Promise.resolve()).then(outage.stop).then(outage.start)
          return startMqttLoad(port, device, { inFlight: 50, baseMs, from })
        },
        async check({ api, devices: all, acked }) {
          await away
          await vi.waitFor(
            async () => {
              const { body } = await api.get(instance)
              expect(body).toMatchObject({ lag: { records: 0 }, refused: 0, deliveryStatus: { gone: 0 } })
            },
            { timeout: deliveredWithinMs, interval: 200 },
          )
          for (const [i, { id }] of all.entries()) {
            const stored = (await readAll(api, id, 'n')).map(({ at, value }) => `${Date.parse(at)} ${Number(value)}`)
            const { results } = await query(database, `SELECT "value" FROM "n" WHERE "device" = '${id}'`)
            const found: string[] = (results[0].series?.[0].values ?? []).map(([at, n]: number[]) => `${at} ${n}`)
            const there = new Set(found)
            const numbers = new Set(found.map((each) => Number(each.split(' ')[1])))
            counts.stored += stored.length
            counts.missing += stored.filter((each) => !there.has(each)).length
            counts.missing += (acked[i] ?? []).filter((n) => !numbers.has(n)).length
            counts.others += found.length - stored.length
          }
        },
      })
      console.log(
        `in InfluxDB (${outage.how}): acknowledged ${figures.acknowledged}, stored ${counts.stored}, missing ${counts.missing}, too many ${counts.others}`,
      )
      expect(figures.acknowledged).toBeGreaterThan(rounds * 100)
      expect(counts).toMatchObject({ missing: 0, others: 0 })
    } finally {
      await query(database, `DROP DATABASE "${database}"`)
      await outage.close()
    }
  },
)
