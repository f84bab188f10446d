import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch } from '@patchbay/core/telemetry/port'
import type { Contender, Peer } from './contender.ts'
import { DAY, START } from './fleet.ts'
import { toLines } from './fleet-lines.ts'

const BUCKETS = 300
const STILL_MS = 5_000
const SETTLE_MS = 90_000
const fromMs = START / 1_000
const toMs = (START + DAY) / 1_000
const bucketSeconds = DAY / BUCKETS / 1_000_000

type DeviceOf = (series: number) => string

/** The databases whose address is in the environment. All take the same lines. */
export function findPeers(env: NodeJS.ProcessEnv, deviceOf: DeviceOf): Peer[] {
  const peer = (
    name: string,
    variable: string,
    open: (url: string, deviceOf: DeviceOf) => Promise<Contender>,
  ): Peer => {
    const url = env[variable]
    return {
      name,
      missing: `no ${variable}`,
      open: () => (url === undefined ? undefined : open(url.replace(/\/$/, ''), deviceOf)),
    }
  }
  return [
    peer('VictoriaMetrics', 'VICTORIAMETRICS_URL', openVictoriaMetrics),
    peer('QuestDB', 'QUESTDB_URL', openQuestDb),
    peer('InfluxDB', 'INFLUXDB_URL', openInfluxDb),
  ]
}

async function ask(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init)
  const text = await response.text()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text.slice(0, 200)}`)
  return text
}

const query = (params: Record<string, string | number>) =>
  new URLSearchParams(Object.entries(params).map(([name, value]) => [name, String(value)])).toString()

async function still(bytes: () => Promise<number>): Promise<void> {
  const end = performance.now() + SETTLE_MS
  for (let before = -1; performance.now() < end;) {
    const now = await bytes()
    if (now === before) return
    before = now
    await sleep(STILL_MS)
  }
}

/** The number behind the first match. */
function figure(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? NaN)
}

async function openVictoriaMetrics(url: string, deviceOf: DeviceOf): Promise<Contender> {
  const all = '{__name__=~"sensors_(temperature|humidity)"}'
  const range = (of: string, step: number) =>
    ask(
      `${url}/api/v1/query_range?${query({ query: of, start: fromMs / 1_000 + step, end: toMs / 1_000, step, nocache: 1 })}`,
    )
  const instant = (of: string) => ask(`${url}/api/v1/query?${query({ query: of, time: toMs / 1_000, nocache: 1 })}`)
  const bytes = async () => {
    let sum = 0
    for (const [, value] of (await ask(`${url}/metrics`)).matchAll(/^vm_data_size_bytes\{[^}]*\} (\S+)$/gm))
      sum += Number(value)
    return sum
  }
  await ask(`${url}/api/v1/admin/tsdb/delete_series?${query({ 'match[]': all })}`, { method: 'POST' })
  const bytesBefore = await bytes()
  return {
    name: 'VictoriaMetrics',
    write: async (batch: Batch) => {
      await ask(`${url}/write?precision=ms`, { method: 'POST', body: toLines(batch, deviceOf) })
    },
    async settle() {
      await ask(`${url}/internal/force_flush`)
      await ask(`${url}/internal/force_merge`)
      await still(bytes)
    },
    bytes: async () => (await bytes()) - bytesBefore,
    count: async () => figure(await instant(`sum(count_over_time(${all}[2d]))`), /"value":\[[^,]+,"(\d+)"\]/),
    latestOfAll: () => instant(`last_over_time(${all}[1d])`),
    oneDay: (device) =>
      range(`avg_over_time(sensors_temperature{device="${device}"}[${bucketSeconds}s])`, bucketSeconds),
    hourlyOfAll: () => range(`avg_over_time(${all}[1h])`, 3_600),
    close: async () => {
      await ask(`${url}/api/v1/admin/tsdb/delete_series?${query({ 'match[]': all })}`, { method: 'POST' })
    },
  }
}

async function openQuestDb(url: string, deviceOf: DeviceOf): Promise<Contender> {
  const sql = (text: string) => ask(`${url}/exec?${query({ query: text })}`)
  const bytes = async () =>
    figure(await sql("SELECT sum(diskSize) FROM table_partitions('sensors')"), /"dataset":\[\[(\d+)/)
  const count = async () => 2 * figure(await sql('SELECT count() FROM sensors'), /"dataset":\[\[(\d+)/)
  await sql('DROP TABLE IF EXISTS sensors')
  return {
    name: 'QuestDB',
    write: async (batch) => {
      await ask(`${url}/write?precision=ms`, { method: 'POST', body: toLines(batch, deviceOf) })
    },
    settle: () => still(async () => (await count()) + (await bytes())),
    bytes,
    count,
    latestOfAll: () => sql('SELECT * FROM sensors LATEST ON timestamp PARTITION BY device'),
    oneDay: (device) =>
      sql(`SELECT timestamp, avg(temperature) FROM sensors WHERE device = '${device}' SAMPLE BY ${bucketSeconds}s`),
    hourlyOfAll: () => sql('SELECT timestamp, device, avg(temperature), avg(humidity) FROM sensors SAMPLE BY 1h'),
    close: async () => {
      await sql('DROP TABLE sensors')
    },
  }
}

async function openInfluxDb(url: string, deviceOf: DeviceOf): Promise<Contender> {
  const db = 'patchbay_bench'
  const ql = (q: string) => ask(`${url}/query`, { method: 'POST', body: new URLSearchParams({ db, q }) })
  const time = `time >= ${fromMs}ms AND time < ${toMs}ms`
  const bytes = async () => {
    let sum = 0
    const text = await ask(`${url}/debug/vars`)
    for (const line of text.split('\n')) {
      if (!line.includes(`"database":"${db}"`)) continue
      sum += figure(line, /"tsm1_filestore".*"diskBytes":(\d+)/) || 0
      sum += figure(line, /"tsm1_wal".*"currentSegmentDiskBytes":(\d+)/) || 0
    }
    return sum
  }
  await ql(`DROP DATABASE ${db}`)
  await ql(`CREATE DATABASE ${db}`)
  return {
    name: 'InfluxDB',
    write: async (batch) => {
      await ask(`${url}/write?db=${db}&precision=ms`, { method: 'POST', body: toLines(batch, deviceOf) })
    },
    settle: () => still(bytes),
    bytes,
    count: async () =>
      2 * figure(await ql(`SELECT count(temperature) FROM sensors WHERE ${time}`), /"values":\[\["[^"]*",(\d+)/),
    latestOfAll: () => ql('SELECT last(temperature), last(humidity) FROM sensors GROUP BY device'),
    oneDay: (device) =>
      ql(
        `SELECT mean(temperature) FROM sensors WHERE device = '${device}' AND ${time} GROUP BY time(${bucketSeconds}s)`,
      ),
    hourlyOfAll: () =>
      ql(`SELECT mean(temperature), mean(humidity) FROM sensors WHERE ${time} GROUP BY time(1h), device`),
    close: async () => {
      await ql(`DROP DATABASE ${db}`)
    },
  }
}
