import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { SealLimits } from '../../src/stores/sqlite/seal-queue.ts'
import type { Contender } from './contender.ts'
import { percentile, toTable } from './figures.ts'
import { SensorFleet } from './fleet.ts'
import { openPatchbay, pacedCommits } from './patchbay.ts'
import { findPeers } from './peers.ts'

const { values: options } = parseArgs({
  options: {
    points: { type: 'string', default: '10000000' },
    devices: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
  },
})
const devices = Number(options.devices)
const seed = Number(options.seed)
const queryRounds = Number(options.rounds)
const rounds = Math.ceil(Number(options.points) / (devices * 2))
const written = rounds * devices * 2
const never: Partial<SealLimits> = { records: 2 ** 31, hotRows: 2 ** 40, ageMs: Infinity }
/** So few that their chunks fill while it is measured. */
const PACED_DEVICES = 100
const ONE_DAYS = 20

const folder = await mkdtemp(join(tmpdir(), 'patchbay-bench-'))
const names = Array.from({ length: devices }, (_, i) => `device-${i}`)
const say = (text: string) => process.stdout.write(`${text}\n`)
const round = (value: number) => (Number.isNaN(value) ? '-' : value >= 1_000 ? value.toFixed(0) : value.toPrecision(3))

async function pacedFleet(store: TelemetryStore): Promise<SensorFleet> {
  const series: [number, number][] = []
  for (const name of names.slice(0, PACED_DEVICES)) {
    const held = await store.openDevice(name)
    series.push([store.addSeries(held, 'temperature'), store.addSeries(held, 'humidity')])
  }
  return new SensorFleet(series, seed)
}

const { patchbay, series } = await openPatchbay(folder, names)
const contenders: Contender[] = [patchbay]
/** Milliseconds of each row and contender. */
const taken = new Map<string, Map<string, number>>()
const note = (row: string, of: Contender, value: number) =>
  taken.set(row, (taken.get(row) ?? new Map()).set(of.name, value))

try {
  const nameOf = new Map(series.flatMap(([a, b], i) => [a, b].map((id) => [id, names[i] ?? ''] as const)))
  for (const peer of findPeers(process.env, (id) => nameOf.get(id) ?? '')) {
    const opened = peer.open()
    if (opened) contenders.push(await opened)
    else say(`${peer.name} is left out: ${peer.missing}`)
  }
  let bytesAtOnce = 0
  for (const contender of contenders) {
    // The same points for each, made anew rather than kept: all of them would not fit.
    const fleet = new SensorFleet(series, seed)
    let ms = 0
    const cpu = process.cpuUsage()
    let making = 0
    for (let i = 0; i < rounds; i++) {
      const before = process.cpuUsage()
      const batch = fleet.round()
      const made = process.cpuUsage(before)
      making += made.user + made.system
      const began = performance.now()
      await contender.write(batch)
      ms += performance.now() - began
    }
    const settling = performance.now()
    if (contender === patchbay) bytesAtOnce = await patchbay.bytesNow()
    await contender.settle()
    const all = process.cpuUsage(cpu)
    note('write, us/point until answered', contender, (ms * 1_000) / written)
    if (contender === patchbay)
      note('CPU, us/point with sealing and roll-ups', contender, (all.user + all.system - making) / written)
    note('bytes/point', contender, (await contender.bytes()) / written)
    const found = await contender.count()
    if (found !== written) say(`TROUBLE: ${contender.name} has ${found} of ${written} points`)
    say(
      `${contender.name} written in ${round(ms / 1_000)} s, settled in ${round((performance.now() - settling) / 1_000)} s`,
    )
  }
  const queries: [string, (of: Contender, nth: number) => Promise<unknown>][] = [
    ['latest of all, ms', (of) => of.latestOfAll()],
    ['one day in 300 buckets, ms', (of, nth) => of.oneDay(names[(nth * 37) % devices] ?? '')],
    ['hourly means of all, ms', (of) => of.hourlyOfAll()],
  ]
  for (const [row, query] of queries) {
    const times = new Map(contenders.map((of) => [of, [] as number[]]))
    const many = row.startsWith('one day') ? queryRounds * ONE_DAYS : queryRounds
    for (let nth = 0; nth <= many; nth++) {
      for (const of of contenders) {
        const began = performance.now()
        await query(of, nth)
        // The first of each only warms up.
        if (nth > 0) times.get(of)?.push(performance.now() - began)
      }
    }
    for (const [of, own] of times) note(row, of, percentile(own, 0.5))
  }
  const byPoints = performance.now()
  await patchbay.hourlyByPoints()
  const byPointsMs = performance.now() - byPoints
  const chunkBytes = patchbay.bytesOfChunks() / written
  for (const contender of contenders) await contender.close()
  const quiet = await pacedCommits(join(folder, 'never.sqlite'), never, pacedFleet)
  const sealing = await pacedCommits(join(folder, 'always.sqlite'), { hotRows: 0, rowsPerSeries: 0 }, pacedFleet)
  const p = (values: number[]) => `p50 ${round(percentile(values, 0.5))}, p99 ${round(percentile(values, 0.99))} ms`
  const rows = [...taken].map(([row, values]) => {
    const best = Math.min(...[...values].filter(([name]) => name !== patchbay.name).map(([, value]) => value))
    const own = values.get(patchbay.name) ?? NaN
    const ratio = Number.isFinite(best) ? (own / best).toFixed(2) : '-'
    return [row, ...contenders.map(({ name }) => round(values.get(name) ?? NaN)), ratio]
  })
  say(
    toTable([
      [`${written} points, ${devices} devices x 2 keys`, ...contenders.map(({ name }) => name), 'patchbay ÷ best peer'],
      ...rows,
      ['bytes/point, chunks alone', round(chunkBytes)],
      ['bytes/point of the files at once after the load', round(bytesAtOnce / written)],
      ['open, ms', round(patchbay.openMs())],
      ['hourly means of all, point by point, ms', round(byPointsMs)],
      ['commit of 100 points at 20,000/s, nothing sealed', p(quiet)],
      ['the same while sealing', p(sealing)],
    ]),
  )
  say(`peak RSS ${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB`)
} finally {
  await rm(folder, { recursive: true })
}
