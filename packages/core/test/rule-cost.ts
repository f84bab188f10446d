// What rules cost a message on the thread that runs them, without protocol and disk: `node packages/core/test/rule-cost.ts`.
import type { RuleBody } from '@patchbay/contracts/rule'
import { systemClock } from '../src/clock.ts'
import { createCommittedQueue } from '../src/rules/committed-queue.ts'
import { createRules } from '../src/rules/rules.ts'
import { createMemoryRegistry } from './memory-registry.ts'
import { createMemoryTelemetry } from './memory-telemetry.ts'

const devices = 1000
const rules = 1000
const width = 3
const groups = 400
const perGroup = 250
const rounds = 5

const shapes: readonly Omit<RuleBody, 'name'>[] = [
  { levels: [{ severity: 'critical', when: 'temperature > 1.0e12 && humidity > 90.0' }] },
  { levels: [{ severity: 'major', when: { all: [{ key: 'humidity', op: '<', value: -1 }] } }] },
  {
    levels: [
      { severity: 'critical', when: 'temperature > 2.0e12', for: '30s' },
      { severity: 'warning', when: 'temperature > 1.0e12', for: '30s' },
    ],
    clear: 'temperature < 75.0',
  },
]

const registry = createMemoryRegistry()
const telemetry = createMemoryTelemetry()
const queue = createCommittedQueue()
const all = createRules({
  registry,
  telemetry,
  alerts: { apply: async () => undefined },
  clock: systemClock,
  queue,
  statusOf: () => ({ status: 'never' }),
  shadowOf: async () => ({ desired: {}, reported: {} }),
  randomBytes: (size) => new Uint8Array(size),
  notice: () => undefined,
  onFault: (error) => process.stderr.write(`${String(error)}\n`),
})
const idOf = (i: number): string => `device-${i % devices}`
for (let i = 0; i < devices; i++) {
  await registry.put('devices', idOf(i), { id: idOf(i), name: '', type: 'default', tags: [], createdAt: '' }, 'new')
}
await all.load()
await all.start()
for (let i = 0; i < rules; i++) {
  const scope = { devices: Array.from({ length: width }, (_, n) => idOf(i + n)) }
  await all.create({ id: `rule-${i}`, name: 'cost', scope, ...shapes[i % shapes.length] }, 'bench')
}
const owners = await Promise.all(
  Array.from({ length: devices }, async (_, i) => {
    const series = await telemetry.openDevice(idOf(i))
    return {
      series,
      temperature: telemetry.addSeries(series, 'temperature'),
      humidity: telemetry.addSeries(series, 'humidity'),
    }
  }),
)

let seq = telemetry.end()['memory'] ?? 0
let sent = 0
async function run(): Promise<number> {
  const before = process.threadCpuUsage()
  for (let g = 0; g < groups; g++) {
    const length = perGroup * 2
    const batch = {
      length,
      series: new Uint32Array(length),
      at: new Float64Array(length),
      kind: new Uint8Array(length),
      number: new Float64Array(length),
      text: [],
    }
    const now = systemClock.nowMicros()
    for (let m = 0; m < perGroup; m++) {
      const owner = owners[sent++ % devices]
      batch.series[m * 2] = owner?.temperature ?? 0
      batch.series[m * 2 + 1] = owner?.humidity ?? 0
      batch.at.fill(now + m, m * 2, m * 2 + 2)
      batch.number[m * 2] = 20 + (m % 10)
      batch.number[m * 2 + 1] = 40
    }
    queue.committed({ first: seq + 1, last: seq + length, batch, owners })
    seq += length
    while (all.stats().readings < sent) await new Promise((resolve) => setImmediate(resolve))
  }
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / (groups * perGroup)
}

// The platform's timers keep no process alive.
const awake = setInterval(() => {}, 1000)
const micros: number[] = []
for (let round = 0; round < rounds; round++) micros.push(await run())
clearInterval(awake)
process.stdout.write(
  `${rules} rules over ${devices} devices, each message of two values meets ${width}: ` +
    `${micros.map((each) => each.toFixed(2)).join(' ')} µs of CPU a message (making the groups included)\n`,
)
process.exit()
