// How long a preview takes over many stored points: `npm run bench:preview -- --points 10000000`.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '@patchbay/core/clock'
import { createCommittedQueue } from '@patchbay/core/rules/committed-queue'
import { createRules } from '@patchbay/core/rules/rules'
import { openSqliteRegistry } from '../../src/stores/sqlite/registry.ts'
import { openSqliteTelemetry } from '../../src/stores/sqlite/telemetry.ts'
import { DAY, SensorFleet, START } from '../store/fleet.ts'

const { values: options } = parseArgs({
  options: { points: { type: 'string', default: '10000000' }, devices: { type: 'string', default: '1000' } },
})
const points = Number(options.points)
const devices = Number(options.devices)
const inFlight = 4
const settleMs = 2000

const folder = await mkdtemp(join(tmpdir(), 'patchbay-bench-'))
const telemetry = await openSqliteTelemetry({ file: join(folder, 'telemetry.sqlite'), durability: 'relaxed' })
const registry = await openSqliteRegistry({ file: join(folder, 'registry.sqlite'), durability: 'relaxed' })
try {
  const series: [number, number][] = []
  for (let i = 0; i < devices; i++) {
    const id = `device-${i}`
    const held = await telemetry.openDevice(id)
    series.push([telemetry.addSeries(held, 'temperature'), telemetry.addSeries(held, 'humidity')])
    await registry.put('devices', id, { id, name: id, type: 'default', tags: [], createdAt: '' }, 'new')
  }
  const fleet = new SensorFleet(series, 1)
  const waiting = new Set<Promise<unknown>>()
  for (let stored = 0; stored < points;) {
    const round = fleet.round()
    stored += round.length
    const append: Promise<unknown> = telemetry.append(round).finally(() => waiting.delete(append))
    waiting.add(append)
    if (waiting.size >= inFlight) await Promise.race(waiting)
  }
  await Promise.all(waiting)
  await sleep(settleMs)
  const rules = createRules({
    registry,
    telemetry,
    alerts: { apply: async () => undefined },
    clock: systemClock,
    queue: createCommittedQueue(),
    statusOf: () => ({ status: 'never' }),
    shadowOf: async () => ({ desired: {}, reported: {} }),
    randomBytes: (size) => new Uint8Array(size),
    notice: () => undefined,
    onFault: (error) => process.stderr.write(`${String(error)}\n`),
  })
  const rule = {
    name: 'bench',
    levels: [
      { severity: 'critical' as const, when: 'temperature > 24.0', for: '30s' },
      { severity: 'warning' as const, when: 'temperature > 23.0 && humidity > 40.0' },
    ],
    clear: 'temperature < 22.0',
    noData: '10m',
  }
  let longestMs = 0
  let last = performance.now()
  const look = setInterval(() => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - last)
    last = now
  }, 5)
  const began = performance.now()
  const cpu = process.cpuUsage()
  const answer = await rules.preview({ rule, from: START - DAY, to: START + 400 * DAY }, new AbortController().signal)
  const took = (performance.now() - began) / 1000
  const used = process.cpuUsage(cpu)
  clearInterval(look)
  const { given, ...seen } = answer
  const cpuSeconds = (used.user + used.system) / 1e6
  process.stdout.write(`${JSON.stringify({ ...seen, alerts: given.total })}
${seen.points} points in ${took.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU; the loop waited at most ${longestMs.toFixed(0)} ms
`)
} finally {
  await telemetry.close()
  await registry.close()
  await rm(folder, { recursive: true, force: true })
}
