import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import { ROW_BYTES } from '../../src/stores/sqlite/packed-rows.ts'
import type { SealLimits } from '../../src/stores/sqlite/seal-queue.ts'
import { openSqliteTelemetry } from '../../src/stores/sqlite/telemetry.ts'
import { medianMs, percentile, toTable } from './figures.ts'
import { DAY, SensorFleet, START } from './fleet.ts'

const { values: options } = parseArgs({
  options: {
    points: { type: 'string', default: '10000000' },
    devices: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
  },
})
const points = Number(options.points)
const devices = Number(options.devices)
const seed = Number(options.seed)
const IN_FLIGHT = 4
const HOUR = DAY / 24
const never: Partial<SealLimits> = { records: 2 ** 31, hotRows: 2 ** 40, ageMs: Infinity }
const PACED_BATCHES = 800
const PACED_EVERY_MS = 5
/** So few that their chunks fill while it is measured. */
const PACED_DEVICES = 100

const folder = await mkdtemp(join(tmpdir(), 'patchbay-bench-'))
const open = (name: string, seal: Partial<SealLimits> = {}) =>
  openSqliteTelemetry({ file: join(folder, name), durability: 'full', seal })
const names = Array.from({ length: devices }, (_, i) => `device-${i}`)

async function openFleet(store: TelemetryStore, of = names): Promise<SensorFleet> {
  const series: [number, number][] = []
  for (const name of of) {
    const held = await store.openDevice(name)
    series.push([store.addSeries(held, 'temperature'), store.addSeries(held, 'humidity')])
  }
  return new SensorFleet(series, seed)
}

async function bytesOf(name: string): Promise<number> {
  const sizes = await Promise.all(
    [name, `${name}-wal`, `${name}.hot`, `${name}.hot-wal`].map((each) =>
      stat(join(folder, each)).then(
        (found) => found.size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Commits of 100 points every 5 ms (20,000 points/s): how long they take. */
async function pacedCommits(name: string, seal: Partial<SealLimits>): Promise<number[]> {
  const store = await open(name, seal)
  const fleet = await openFleet(store, names.slice(0, PACED_DEVICES))
  const waits: Promise<number>[] = []
  const began = performance.now()
  let round = fleet.round()
  for (let i = 0, from = 0; i < PACED_BATCHES; i++) {
    if (from >= round.length) {
      round = fleet.round()
      from = 0
    }
    const to = Math.min(round.length, from + 100)
    const batch = {
      length: to - from,
      series: round.series.slice(from, to),
      at: round.at.slice(from, to),
      kind: round.kind.slice(from, to),
      number: round.number.slice(from, to),
      text: [],
    }
    from = to
    const sent = performance.now()
    waits.push(store.append(batch).then(() => performance.now() - sent))
    const wait = began + (i + 1) * PACED_EVERY_MS - performance.now()
    if (wait > 0) await sleep(wait)
  }
  const taken = await Promise.all(waits)
  await store.close()
  return taken
}

/** One number from the file, beside the store. */
function figure(sql: string, name = 'store.sqlite'): number {
  const db = new DatabaseSync(join(folder, name), { readOnly: true })
  try {
    return Number(db.prepare(sql).get()?.['n'])
  } finally {
    db.close()
  }
}

/** Points that the hot log holds. */
const hotPoints = () => figure('SELECT ifnull(sum(length(body)), 0) AS n FROM hot', 'store.sqlite.hot') / ROW_BYTES

const ms = (value: number) => `${value.toPrecision(3)} ms`
try {
  let store = await open('store.sqlite')
  const fleet = await openFleet(store)
  const rounds = Math.ceil(points / (devices * 2))
  const began = performance.now()
  const flying = new Set<Promise<void>>()
  for (let round = 0; round < rounds; round++) {
    const append = store.append(fleet.round())
    flying.add(append)
    void append.finally(() => flying.delete(append))
    if (flying.size >= IN_FLIGHT) await Promise.race(flying)
  }
  await Promise.all(flying)
  const writeMs = performance.now() - began
  await store.close()
  const written = rounds * devices * 2
  const bytes = await bytesOf('store.sqlite')
  const hot = hotPoints()

  const opening = performance.now()
  store = await open('store.sqlite', { hotRows: 0, rowsPerSeries: 0, rollupAfterMs: 0 })
  const openMs = performance.now() - opening
  const to = START + DAY
  const all = (read: (device: string) => Promise<unknown>) => Promise.all(names.map(read))
  // Until everything is sealed: then the newest points are in chunks too.
  const sealing = performance.now()
  while (hotPoints() > 0) await sleep(300)
  const sealMs = performance.now() - sealing
  while (figure('SELECT count(*) AS n FROM changed') > 0) await sleep(300)
  const rollMs = performance.now() - sealing - sealMs
  const latestMs = await medianMs(5, () => all((device) => store.latest(device)))
  const dayMs = await medianMs(100, (round) =>
    store.range({
      device: names[round % devices] ?? '',
      keys: ['temperature'],
      from: START,
      to,
      step: DAY / 300,
      aggregate: 'avg',
    }),
  )
  const hourlyMs = await medianMs(3, () =>
    all((device) => store.range({ device, from: START, to, step: HOUR, aggregate: 'avg' })),
  )
  // A microsecond beside the hour no roll-up fits.
  const pointsMs = await medianMs(2, () =>
    all((device) => store.range({ device, from: START + 1, to, step: HOUR, aggregate: 'avg' })),
  )
  await store.close()
  const sealedBytes = figure('SELECT sum(length(head) + length(body)) AS n FROM chunk')
  const settledBytes = await bytesOf('store.sqlite')
  const quietCommits = await pacedCommits('never.sqlite', never)
  const sealingCommits = await pacedCommits('always.sqlite', { hotRows: 0 })

  const table = toTable([
    [`${written} points, ${devices} devices x 2 keys`, 'measured'],
    ['write, commits and sealing', `${((writeMs * 1_000) / written).toFixed(2)} us/point`],
    ['bytes of the file when closed', `${(bytes / written).toFixed(2)} a point`],
    ['of them hot then', `${((hot / written) * 100).toFixed(1)} %`],
    ['bytes of the file when all is sealed', `${(settledBytes / written).toFixed(2)} a point`],
    ['bytes of the chunks alone', `${(sealedBytes / written).toFixed(2)} a point`],
    ['open', ms(openMs)],
    ['latest of all', ms(latestMs)],
    ['one day in 300 buckets', ms(dayMs)],
    ['hourly means of all, by roll-ups', ms(hourlyMs)],
    ['the same point by point', ms(pointsMs)],
    [
      'commit of 100 points at 20,000/s, nothing sealed',
      `p50 ${ms(percentile(quietCommits, 0.5))}, p99 ${ms(percentile(quietCommits, 0.99))}`,
    ],
    [
      'the same while sealing',
      `p50 ${ms(percentile(sealingCommits, 0.5))}, p99 ${ms(percentile(sealingCommits, 0.99))}`,
    ],
  ])
  process.stdout.write(
    `${table}\nsealing the rest took ${ms(sealMs)}, rolling up ${ms(rollMs)}; peak RSS ${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB\n`,
  )
} finally {
  await rm(folder, { recursive: true })
}
