import { createCrew } from '../load/crew.ts'
import { percentileMs } from '../load/latencies.ts'
import { median, toTable, toText } from '../table.ts'
import type { IngestOptions } from './options.ts'
import { timeQueryable } from './queryable.ts'
import { type Case, type Measured, runRound, warmUp } from './round.ts'
import { startMosquittoTarget, startPipelineTarget, startTelegrafTarget } from './targets/brokered.ts'
import { startPatchbayTarget } from './targets/patchbay-target.ts'
import type { Target } from './targets/target.ts'

type Outcome = Measured & { queryP50Ms: number | undefined; queryP99Ms: number | undefined }

/** Somebody in the comparison; answers why not when something is missing. */
interface Contender {
  option: string
  name: string
  start: () => Promise<Target | string>
}

const contenders: readonly Contender[] = [
  { option: 'patchbay', name: 'patchbay', start: () => startPatchbayTarget() },
  { option: 'mosquitto', name: 'mosquitto alone', start: () => startMosquittoTarget(process.env) },
  { option: 'pipeline', name: 'python pipeline', start: () => startPipelineTarget(process.env) },
  { option: 'telegraf', name: 'telegraf', start: () => startTelegrafTarget(process.env) },
]

export function toCases({ plainRate, jsonRate, cases }: IngestOptions): Case[] {
  const all: (Case & { option: string })[] = [
    { option: 'plain', name: 'plain QoS 0', kind: 'plain', qos: 0, perSecond: plainRate },
    { option: 'json', name: 'JSON QoS 1', kind: 'json', qos: 1, perSecond: jsonRate },
  ]
  return all.filter(({ option }) => cases?.includes(option) ?? true)
}

/** One turn of one contender: its clients connect, warm it up, and leave again at the end. */
async function takeTurn(target: Target, what: Case, options: IngestOptions): Promise<Outcome> {
  const crew = createCrew(options.processes)
  try {
    const [probe, ...logins] = await target.logins(options.clients + 1)
    await crew.connect(target, logins)
    await warmUp(target, crew, what, options.warmUpSeconds)
    const measured = await runRound(target, crew, what, options.seconds)
    const load = { perSecond: options.probeRate, seconds: options.probeSeconds }
    const queryable = probe && load.seconds > 0 ? await timeQueryable(target, crew, probe, what, load) : undefined
    await crew.close()
    return {
      ...measured,
      queryP50Ms: queryable && percentileMs(queryable, 50),
      queryP99Ms: queryable && percentileMs(queryable, 99),
    }
  } finally {
    crew.end()
  }
}

/** Alternating rounds: whatever else the machine does in a minute falls on all of them. */
export async function compare(options: IngestOptions, say: (line: string) => void): Promise<boolean> {
  const cases = toCases(options)
  const outcomes = new Map<string, Outcome[]>()
  const missing = new Set<string>()
  // Ours is started once, as it is used; the others are quick to start and would listen in on a broker they share.
  let kept: Target | undefined
  try {
    for (let round = 1; round <= options.rounds; round++) {
      for (const what of cases) {
        for (const { option, name, start } of contenders) {
          if (missing.has(name) || options.only?.includes(option) === false) continue
          const ours = option === 'patchbay'
          const target = ours && kept ? kept : await start().catch((error: unknown) => String(error))
          if (typeof target === 'string') {
            if (ours) throw new Error(target)
            missing.add(name)
            say(`left out: ${name} (${target})`)
            continue
          }
          if (ours) kept = target
          try {
            const outcome = await takeTurn(target, what, options)
            const key = `${what.name}\n${name}`
            outcomes.set(key, [...(outcomes.get(key) ?? []), outcome])
            say(`round ${round}, ${what.name}, ${name}: ${outcome.cpuMicrosPerMessage.toFixed(1)} µs`)
            for (const trouble of outcome.troubles) say(`TROUBLE ${what.name}, ${name}: ${trouble}`)
          } finally {
            if (!ours) await target.stop()
          }
        }
      }
    }
  } finally {
    await kept?.stop()
  }
  say(`\n${options.clients} clients, medians of ${options.rounds} rounds of ${options.seconds} s`)
  say(toReport(cases, outcomes))
  const own = cases.flatMap(({ name }) => outcomes.get(`${name}\npatchbay`) ?? [])
  return own.every(({ troubles }) => troubles.length === 0)
}

function toReport(cases: readonly Case[], outcomes: ReadonlyMap<string, readonly Outcome[]>): string {
  const head = ['case', 'server', 'CPU µs/msg', 'patchbay ÷', 'msg/s', 'ack p50 ms', 'p99', 'queryable p50 ms', 'p99']
  const rows: string[][] = []
  for (const what of cases) {
    const of = (name: string): readonly Outcome[] => outcomes.get(`${what.name}\n${name}`) ?? []
    for (const { name } of contenders) {
      const turns = of(name)
      if (turns.length === 0) continue
      const middle = (pick: (turn: Outcome) => number | undefined): number | undefined => median(turns.map(pick))
      // The ratio of each round by itself: what disturbed one round disturbed both.
      const ratio = median(
        of('patchbay').map((own, i) => {
          const other = turns[i]?.cpuMicrosPerMessage
          return other === undefined ? undefined : own.cpuMicrosPerMessage / other
        }),
      )
      rows.push([
        `${what.name} ${what.perSecond}/s`,
        name,
        toText(
          middle((turn) => turn.cpuMicrosPerMessage),
          1,
        ),
        toText(ratio, 2),
        toText(
          middle((turn) => turn.messagesPerSecond),
          0,
        ),
        toText(
          middle((turn) => turn.ackP50Ms),
          1,
        ),
        toText(
          middle((turn) => turn.ackP99Ms),
          1,
        ),
        toText(
          middle((turn) => turn.queryP50Ms),
          1,
        ),
        toText(
          middle((turn) => turn.queryP99Ms),
          1,
        ),
      ])
    }
  }
  return toTable(head, rows)
}
