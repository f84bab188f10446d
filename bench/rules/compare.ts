import { type Patchbay, startPatchbay } from '../host/patchbay.ts'
import { type Case, type Measured, runRound, warmUp } from '../ingest/round.ts'
import { toTarget } from '../ingest/targets/patchbay-target.ts'
import { clientIds, type Target } from '../ingest/targets/target.ts'
import { createCrew } from '../load/crew.ts'
import { median, toTable, toText } from '../table.ts'
import type { RuleBenchOptions } from './options.ts'

interface Side {
  name: string
  patchbay: Patchbay
  target: Target
  turns: Measured[]
}

/** What admins write: an expression over two keys, a test of the builder, a hold with a clear condition of its own. None is met. */
const shapes = [
  { levels: [{ severity: 'critical', when: 'temperature > 1.0e12 && humidity > 90.0' }] },
  { levels: [{ severity: 'major', when: { all: [{ key: 'humidity', op: '<', value: -1 }] } }] },
  {
    levels: [
      { severity: 'critical', when: 'temperature > 2.0e12', for: '30s' },
      { severity: 'warning', when: 'temperature > 1.0e12', for: '30s' },
    ],
    clear: 'temperature < 75.0',
  },
] as const

async function addRules(patchbay: Patchbay, { devices, rules, meets }: RuleBenchOptions): Promise<void> {
  const ids = clientIds(devices)
  // Rule i looks at so many devices in a row that each device has `meets` of them.
  const width = Math.max(1, Math.round((devices * meets) / rules))
  const step = devices / rules
  for (let i = 0; i < rules; i++) {
    const first = Math.floor(i * step)
    const mine = Array.from({ length: width }, (_, n) => ids[(first + n) % devices] ?? '')
    await patchbay.post('/api/v1/rules', {
      id: `bench-${i}`,
      name: `bench ${i}`,
      scope: { devices: [...new Set(mine)] },
      ...shapes[i % shapes.length],
    })
  }
}

async function takeTurn({ target }: Side, what: Case, options: RuleBenchOptions): Promise<Measured> {
  const crew = createCrew(options.processes)
  try {
    await crew.connect(target, await target.logins(options.devices))
    await warmUp(target, crew, what, options.warmUpSeconds)
    const measured = await runRound(target, crew, what, options.seconds)
    await crew.close()
    return measured
  } finally {
    crew.end()
  }
}

/** Two servers, one with rules, in alternating rounds: whatever else the machine does falls on both. */
export async function compareRules(options: RuleBenchOptions, say: (line: string) => void): Promise<boolean> {
  const what: Case = { name: 'JSON QoS 1', kind: 'json', qos: 1, perSecond: options.perSecond }
  const sides: Side[] = []
  let good = true
  try {
    for (const name of ['without rules', 'with rules']) {
      const patchbay = await startPatchbay()
      sides.push({ name, patchbay, target: toTarget(patchbay), turns: [] })
    }
    for (const { target } of sides) await target.logins(options.devices)
    const [, ruled] = sides
    if (ruled) await addRules(ruled.patchbay, options)
    for (let round = 1; round <= options.rounds; round++) {
      for (const side of sides) {
        const turn = await takeTurn(side, what, options)
        side.turns.push(turn)
        say(`round ${round}, ${side.name}: ${turn.cpuMicrosPerMessage.toFixed(1)} µs`)
        for (const trouble of turn.troubles) say(`TROUBLE ${side.name}: ${trouble}`)
        if (turn.troubles.length > 0) good = false
      }
    }
    if (ruled) {
      const metrics = await ruled.patchbay.metrics()
      const messages = metrics('patchbay_ingest{', 'what="messages"')
      const readings = metrics('patchbay_rules{', 'what="readings"')
      const behind = metrics('patchbay_rules{', 'what="behind"')
      say(`rules looked at ${readings} of ${messages} messages and are ${behind} points behind`)
      if (readings !== messages || behind !== 0) good = false
    }
  } finally {
    for (const { patchbay } of sides) await patchbay.stop()
  }
  say(
    `\n${options.rules} rules over ${options.devices} devices, each reading meets ${options.meets}; medians of ${options.rounds} rounds`,
  )
  say(toReport(sides, what))
  return good
}

function toReport(sides: readonly Side[], { perSecond }: Case): string {
  const plain = sides[0]?.turns ?? []
  const head = [`QoS 1 JSON ${perSecond}/s`, 'CPU µs/msg', '÷ without', 'msg/s', 'ack p50 ms', 'p99']
  const rows = sides.map(({ name, turns }) => {
    const middle = (pick: (turn: Measured) => number | undefined): number | undefined => median(turns.map(pick))
    const ratio = median(
      turns.map((turn, i) => {
        const other = plain[i]?.cpuMicrosPerMessage
        return other === undefined ? undefined : turn.cpuMicrosPerMessage / other
      }),
    )
    const micros = middle((turn) => turn.cpuMicrosPerMessage)
    const rate = middle((turn) => turn.messagesPerSecond)
    const p50 = middle((turn) => turn.ackP50Ms)
    const p99 = middle((turn) => turn.ackP99Ms)
    return [name, toText(micros, 1), toText(ratio, 2), toText(rate, 0), toText(p50, 1), toText(p99, 1)]
  })
  return toTable(head, rows)
}
