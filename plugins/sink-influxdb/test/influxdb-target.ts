import { randomUUID } from 'node:crypto'
import { openOutage, type SinkTarget, type TargetPoint } from '@patchbay/testkit'

/** An InfluxDB 1 that was started for the tests, which answers version 1's and version 2's way to write. */
export const influxUrl = process.env['INFLUXDB_URL']
export const victoriaUrl = process.env['VICTORIAMETRICS_URL']

const send = async (url: string, body?: URLSearchParams): Promise<string> => {
  const answer = await fetch(url, { method: 'POST', ...(body ? { body } : {}) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${answer.status} ${text}`)
  return text
}

/** A database of the test's own. */
export async function openInfluxTarget(version: 1 | 2, more: Record<string, unknown> = {}): Promise<SinkTarget> {
  const server = influxUrl ?? ''
  const outage = await openOutage('influxdb', server)
  const database = `patchbay-${randomUUID()}`
  const query = async (q: string): Promise<any> =>
    JSON.parse(await send(`${server}/query`, new URLSearchParams({ db: database, epoch: 'u', q })))
  const create = () => query(`CREATE DATABASE "${database}"`)
  return {
    config: () => ({
      url: outage.url,
      version,
      ...(version === 1 ? { database } : { org: 'anybody', bucket: `${database}/autogen` }),
      ...more,
    }),
    async rows() {
      const measurements = (await query('SHOW MEASUREMENTS')).results[0].series?.[0].values ?? []
      // One by one: a query over all of them shows only what has the kind of the first.
      const select = ([name]: string[]) => `SELECT "value", "device" FROM ${JSON.stringify(name)}`
      const { results = [] } = measurements.length > 0 ? await query(measurements.map(select).join(';')) : {}
      const rows: TargetPoint[] = []
      for (const { series = [] } of results)
        for (const { name, values } of series)
          for (const [at, value, device] of values) rows.push({ device, at, key: name, value })
      return rows
    },
    async wipe() {
      await query(`DROP DATABASE "${database}"`)
      await create()
    },
    stop: outage.stop,
    async start() {
      await outage.start()
      // It listens before it answers.
      for (let tries = 0; ; tries++) {
        const ready = await fetch(`${server}/ping`).then(
          ({ ok }) => ok,
          () => false,
        )
        if (ready || tries > 100) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
    async close() {
      await query(`DROP DATABASE "${database}"`)
      await outage.close()
    },
  }
}

export async function openVictoriaTarget(): Promise<SinkTarget> {
  const server = victoriaUrl ?? ''
  // Series that were deleted come back as they are written again; those of others are not ours to look at.
  const match = `match[]=${encodeURIComponent('{device=~"device-.*"}')}`
  return {
    config: () => ({ url: server, version: 1, database: 'any', numbersOnly: true }),
    async rows() {
      await send(`${server}/internal/force_flush`)
      const text = await send(`${server}/api/v1/export?${match}`)
      return text
        .split('\n')
        .filter((line) => line !== '')
        .flatMap((line): TargetPoint[] => {
          const { metric, values, timestamps } = JSON.parse(line)
          const key = String(metric.__name__).replace(/_value$/, '')
          return values.map((value: number, i: number) => ({
            device: metric.device,
            at: timestamps[i] * 1000,
            key,
            value,
          }))
        })
    },
    async wipe() {
      await send(`${server}/api/v1/admin/tsdb/delete_series?${match}`)
    },
    close: async () => undefined,
  }
}
