import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kind } from '../../load/orders.ts'
import { startProgram } from '../../host/program.ts'
import { openInflux } from './influx.ts'
import { startMosquitto } from './mosquitto.ts'
import { openLogins, type Target } from './target.ts'

/** What people build without us: a broker, something that reads from it, and a database. */

const startTimeoutMs = 15_000
/** Both pipelines write at the latest after 1 s. */
const lagMs = 1500
const script = fileURLToPath(new URL('./pipeline.py', import.meta.url))

type Environment = Record<string, string | undefined>

export async function startMosquittoTarget(env: Environment): Promise<Target | string> {
  const broker = await startMosquitto(env['MOSQUITTO_URL'])
  if (!broker) return 'no mosquitto on the PATH and no MOSQUITTO_URL'
  const { host, port, pid, stop } = broker
  return { name: 'mosquitto alone', host, port, pids: [pid], lagMs: 0, logins: async (n) => openLogins(n), stop }
}

export async function startPipelineTarget(env: Environment): Promise<Target | string> {
  const influxUrl = env['INFLUXDB_URL']
  if (influxUrl === undefined) return 'no INFLUXDB_URL'
  const python = env['PYTHON'] ?? 'python3'
  if (spawnSync(python, ['-c', 'import paho.mqtt.client']).status !== 0) {
    return `${python} has no paho-mqtt (PYTHON names another one)`
  }
  const queries = {
    newest: (device: string) => `SELECT last(value) FROM probe WHERE device = '${device}'`,
    // Each message of either case holds one temperature.
    stored: () => 'SELECT count(value) FROM temperature',
  }
  return startBrokered(env, 'python pipeline', influxUrl, queries, async (broker, influx) => {
    const program = startProgram(python, [script, broker.host, String(broker.port), influx.url.href, influx.database])
    await program.prints(/subscribed/, startTimeoutMs)
    return program
  })
}

export async function startTelegrafTarget(env: Environment): Promise<Target | string> {
  const { TELEGRAF: telegraf, INFLUXDB_URL: influxUrl } = env
  if (telegraf === undefined || influxUrl === undefined) return 'no TELEGRAF and INFLUXDB_URL'
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-bench-telegraf-'))
  const queries = {
    newest: (device: string) => `SELECT last(value) FROM probe WHERE device = '${device}'`,
    stored: (kind: Kind) =>
      `SELECT count(${kind === 'plain' ? 'value' : 'temperature'}) FROM ${kind === 'plain' ? 'temperature' : 'json'}`,
  }
  const target = await startBrokered(env, 'telegraf', influxUrl, queries, async (broker, influx) => {
    const config = join(folder, 'telegraf.conf')
    await writeFile(config, toTelegrafConfig(broker.host, broker.port, influx.url.href, influx.database))
    const program = startProgram(telegraf, ['--config', config])
    await program.prints(/Connected \[tcp/, startTimeoutMs)
    return program
  })
  if (typeof target === 'string') return target
  return {
    ...target,
    async stop() {
      await target.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startBrokered(
  env: Environment,
  name: string,
  influxUrl: string,
  queries: { newest: (device: string) => string; stored: (kind: Kind) => string },
  startReader: (
    broker: { host: string; port: number },
    influx: { url: URL; database: string },
  ) => Promise<{ pid: number; stop(): Promise<void> }>,
): Promise<Target | string> {
  const broker = await startMosquitto(env['MOSQUITTO_URL'])
  if (!broker) return 'no mosquitto on the PATH and no MOSQUITTO_URL'
  const influx = await openInflux(influxUrl, name.replaceAll(' ', '_'))
  const leave = async (): Promise<void> => {
    await influx.drop()
    await broker.stop()
  }
  const reader = await startReader(broker, influx).catch(async (error: unknown) => {
    await leave()
    throw error
  })
  return {
    name,
    host: broker.host,
    port: broker.port,
    pids: [broker.pid, reader.pid, influx.pid],
    lagMs,
    logins: async (count) => openLogins(count),
    newest: (device) => influx.number(queries.newest(device)),
    stored: async (kind) => (await influx.number(queries.stored(kind))) ?? 0,
    async stop() {
      await reader.stop()
      await leave()
    },
  }
}

const toTelegrafConfig = (host: string, port: number, influxUrl: string, database: string): string => `
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 1000
  metric_buffer_limit = 100000
  omit_hostname = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://${host}:${port}"]
  topics = ["sensors/+/+"]
  qos = 1
  max_undelivered_messages = 10000
  data_format = "value"
  data_type = "float"
  topic_tag = ""
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "sensors/+/+"
    measurement = "_/_/measurement"
    tags = "_/device/_"
[[inputs.mqtt_consumer]]
  servers = ["tcp://${host}:${port}"]
  topics = ["devices/+/telemetry"]
  qos = 1
  max_undelivered_messages = 10000
  data_format = "json_v2"
  topic_tag = ""
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "devices/+/telemetry"
    tags = "_/device/_"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "json"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "@this"
[[outputs.influxdb]]
  urls = ["${influxUrl}"]
  database = "${database}"
  skip_database_creation = true
`
