import { setTimeout as wait } from 'node:timers/promises'
import type { SinkRecord } from '@patchbay/sdk'
import { type HttpAnswer, type HttpClient, toPath } from '@patchbay/sdk/http-client'
import type { Config } from './config.ts'
import { readMeasurement } from './lines.ts'
import type { Way } from './way.ts'

export interface ProbeRead {
  values: Config
  way: Way
  client: HttpClient
  probe: SinkRecord
  signal: AbortSignal
}

/** VictoriaMetrics shows what came in after some seconds. */
const lookAgainMs = 300
/** Less than a test may take. */
const looks = 12

const quote = (name: string): string => `"${name.replaceAll(/["\\]/g, '\\$&')}"`
const asIso = (micros: number): string => new Date(Math.floor(micros / 1000)).toISOString()

/** Sends what asks for the probe. */
type Ask = (of: ProbeRead & { measurement: string; field: string }) => Promise<HttpAnswer>

const asks: Readonly<Record<number, { read: Ask; remove?: Ask }>> = {
  1: {
    read: ({ values: { database = '', policy }, way, client, probe, measurement, field, signal }) => {
      const from = policy ? `${quote(policy)}.${quote(measurement)}` : quote(measurement)
      const q = `SELECT ${quote(field)} FROM ${from} WHERE "device" = '${probe.device}' AND time = ${probe.at}u`
      return client.send({
        method: 'GET',
        path: toPath('/query', { db: database, q }),
        headers: way.headers,
        signal,
      })
    },
    remove: ({ values: { database = '' }, way, client, probe, measurement, signal }) => {
      const q = `DROP SERIES FROM ${quote(measurement)} WHERE "device" = '${probe.device}'`
      return client.send({ path: toPath('/query', { db: database, q }), headers: way.headers, signal })
    },
  },
  2: {
    read: ({ values: { org = '', bucket = '' }, way, client, probe, measurement, signal }) =>
      client.send({
        path: toPath('/api/v2/query', { org }),
        headers: { ...way.headers, 'content-type': 'application/vnd.flux', accept: 'application/csv' },
        body:
          `from(bucket: ${quote(bucket)}) |> range(start: ${asIso(probe.at - 1_000_000)}, stop: ${asIso(probe.at + 1_000_000)}) ` +
          `|> filter(fn: (r) => r._measurement == ${quote(measurement)} and r.device == ${quote(probe.device)})`,
        signal,
      }),
    remove: ({ values: { org = '', bucket = '' }, way, client, probe, measurement, signal }) =>
      client.send({
        path: toPath('/api/v2/delete', { org, bucket }),
        headers: { ...way.headers, 'content-type': 'application/json' },
        body: JSON.stringify({
          start: asIso(probe.at - 1_000_000),
          stop: asIso(probe.at + 1_000_000),
          predicate: `_measurement=${quote(measurement)} AND device=${quote(probe.device)}`,
        }),
        signal,
      }),
  },
  3: {
    read: ({ values: { database = '' }, way, client, probe, measurement, field, signal }) =>
      client.send({
        path: '/api/v3/query_sql',
        headers: { ...way.headers, 'content-type': 'application/json' },
        body: JSON.stringify({
          db: database,
          q: `SELECT device, ${quote(field)} FROM ${quote(measurement)} WHERE device = '${probe.device}' AND time >= '${asIso(probe.at)}'`,
          format: 'json',
        }),
        signal,
      }),
  },
}

async function readFromVictoria({ client, way, probe, signal }: ProbeRead): Promise<string> {
  const match = `match[]=${encodeURIComponent(`{device="${probe.device}"}`)}`
  for (let look = 0; look < looks; look++) {
    const { body } = await client.send({ method: 'GET', path: `/api/v1/export?${match}`, headers: way.headers, signal })
    if (body.includes(String(Math.floor(probe.at / 1000)))) {
      await client.send({ path: `/api/v1/admin/tsdb/delete_series?${match}`, headers: way.headers, signal })
      return 'VictoriaMetrics took a point and showed it.'
    }
    await wait(lookAgainMs)
  }
  return 'VictoriaMetrics took a point. It shows points after some seconds; this one was not seen yet.'
}

/** Finds the probe, takes it away where the rights suffice, and says so. Throws when it is not there. */
export async function readProbe(of: ProbeRead): Promise<string> {
  const { values, client, probe, signal } = of
  const ping = await client.send({ method: 'GET', path: '/ping', headers: of.way.headers, signal })
  // It answers as InfluxDB 1.8 would, but for this header.
  if (ping.headers['x-server-hostname'] !== undefined && ping.headers['x-influxdb-build'] === undefined)
    return readFromVictoria(of)
  const ask = asks[values.version]
  const measurement = readMeasurement(values.measurement)
  const found = {
    ...of,
    measurement: measurement.of(probe, 'probe'),
    field: measurement.byKey ? 'value' : 'probe',
  }
  const version = ping.headers['x-influxdb-version']
  const server = `InfluxDB ${typeof version === 'string' ? version : values.version} at ${values.url}`
  const answer = await ask?.read(found)
  if (answer && (answer.status === 401 || answer.status === 403))
    return `${server} took a point. These credentials may not read, so it was not read back.`
  if (!answer?.body.includes(probe.device) && !/"values":\[\[/.test(answer?.body ?? ''))
    throw new Error(`${server} took a point, but it is not there: ${answer?.status} ${answer?.body}`)
  // A point that may not be taken away stays: one, under a name that no device has.
  await ask?.remove?.(found)
  return `${server} took a point, and it was read back.`
}
