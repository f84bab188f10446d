// `npm run bench:sinks`: what a point costs by a sink beside the same points by the target's own client, in CPU time of whole processes.
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { toTable } from '../store/figures.ts'
import { senders } from './clients/senders.mjs'

const { values: given } = parseArgs({
  options: {
    targets: { type: 'string', default: '' },
    records: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    ingest: { type: 'boolean', default: false },
  },
})

/** What each needs, and by whom the same is sent. Stand-ins that are slow get fewer records. */
const targets = [
  { name: 'influxdb', needs: 'INFLUXDB_URL', client: '@influxdata/influxdb-client', part: 1 },
  { name: 'questdb', needs: 'QUESTDB_URL', client: '@questdb/nodejs-client', part: 1 },
  { name: 'timescaledb', needs: 'TIMESCALEDB_URL', client: 'pg, rows of VALUES', part: 1 },
  { name: 'mongodb', needs: 'MONGODB_URL', client: 'mongodb, insertMany', part: 0.5 },
  { name: 'kafka', needs: 'KAFKA_BROKERS', client: 'kafkajs', part: 1 },
  { name: 'amqp', needs: 'RABBITMQ_URL', client: 'amqplib', part: 0.5 },
  { name: 'kinesis', needs: 'AWS_ENDPOINT_URL', client: '@aws-sdk/client-kinesis', part: 0.1 },
  { name: 'pubsub', needs: 'PUBSUB_EMULATOR_HOST', client: '@google-cloud/pubsub', part: 0.2 },
] as const

interface Figures {
  micros: number
  rate: number
}

const runMs = 180_000
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN

async function run(name: (typeof targets)[number]['name'], way: 'sink' | 'client', records: number): Promise<Figures> {
  const { prepare, remove } = senders[name]
  const config = await prepare()
  try {
    const file = new URL('one-run.ts', import.meta.url).pathname
    const args = [file, name, way, JSON.stringify(config), String(records), String(Math.ceil(records / 5))]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: runMs })
    const figures: Figures = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    return figures
  } finally {
    await remove(config)
  }
}

const wanted = given.targets === '' ? undefined : given.targets.split(',')
if (given.ingest) {
  const { measureIngest } = await import('./ingest.ts')
  const found: string[][] = []
  for (const { name, needs } of targets) {
    if (process.env[needs] === undefined || !(wanted ?? ['influxdb']).includes(name)) continue
    const pairs = await measureIngest(name, Number(given.rounds))
    const [sink, client] = [median(pairs.map((pair) => pair.sink)), median(pairs.map((pair) => pair.client))]
    const ratio = median(pairs.map((pair) => pair.sink / pair.client))
    found.push([`sink-${name}`, sink.toFixed(1), client.toFixed(1), ratio.toFixed(2)])
  }
  say(toTable([['at 2,000 msg/s', 'ack p99 with the sink, ms', 'beside the client, ms', 'sink ÷ client'], ...found]))
  process.exit(0)
}
const rows: string[][] = []
const left: string[] = []
for (const { name, needs, client, part } of targets) {
  if (wanted && !wanted.includes(name)) continue
  if (process.env[needs] === undefined) {
    left.push(`${name}: no ${needs}`)
    continue
  }
  const records = Math.ceil((Number(given.records) * part) / 1000) * 1000
  const pairs: { sink: Figures; client: Figures }[] = []
  for (let round = 0; round < Number(given.rounds); round++) {
    // Who goes first changes, so that neither always has the warmer server.
    const before = round % 2 === 0 ? undefined : await run(name, 'client', records)
    const sink = await run(name, 'sink', records)
    pairs.push({ sink, client: before ?? (await run(name, 'client', records)) })
  }
  const of = (way: 'sink' | 'client', figure: keyof Figures) => median(pairs.map((pair) => pair[way][figure]))
  const ratio = (figure: keyof Figures) => median(pairs.map((pair) => pair.sink[figure] / pair.client[figure]))
  const row = [
    `sink-${name}`,
    client,
    of('sink', 'micros').toFixed(1),
    of('client', 'micros').toFixed(1),
    ratio('micros').toFixed(2),
    of('sink', 'rate').toFixed(0),
    of('client', 'rate').toFixed(0),
    ratio('rate').toFixed(2),
  ]
  say(row.join(' | '))
  rows.push(row)
}
const head = ['sink', 'client', 'CPU µs/point', 'client', 'sink ÷ client', 'points/s', 'client', 'sink ÷ client']
say(`\n${toTable([head, ...rows])}`)
for (const each of left) say(`left out: ${each}`)
process.exit(0)
