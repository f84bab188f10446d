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

export const toCases = ({ plainRate, jsonRate, cases }: IngestOptions): Case[] =>
  cases.map((name) => {
    const qos = name.endsWith('0') ? 0 : 1
    return name.startsWith('plain')
      ? { name: `plain QoS ${qos}`, kind: 'plain', qos, perSecond: plainRate }
      : { name: `JSON QoS ${qos}`, kind: 'json', qos, perSecond: jsonRate }
  })

/** One turn of one contender: its clients connect, warm it up, and leave again at the end. */
async function takeTurn(target: Target, what: Case, clients: number, options: IngestOptions): Promise<Outcome> {
  const crew = createCrew(options.processes)
  try {
    const [probe, ...logins] = await target.logins(clients + 1)
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

/** One line of the report for each contender. */
interface Heat {
  clients: number
  what: Case
  outcomes: Map<string, Outcome[]>
}

/** Alternating rounds: whatever else the machine does in a minute falls on all of them. */
export async function compare(options: IngestOptions, say: (line: string) => void): Promise<boolean> {
  const cases = toCases(options)
  const heats = options.clients.flatMap((clients) =>
    cases.map((what): Heat => ({ clients, what, outcomes: new Map() })),
  )
  const missing = new Map<string, string>()
  // Ours is started once, as it is used; the others are quick to start and would listen in on a broker they share.
  let kept: Target | undefined
  try {
    for (let round = 1; round <= options.rounds; round++) {
      for (const { clients, what, outcomes } of heats) {
        for (const { option, name, start } of contenders) {
          if (missing.has(name) || options.only?.includes(option) === false) continue
          const ours = option === 'patchbay'
          const target = ours && kept ? kept : await start().catch((error: unknown) => String(error))
          if (typeof target === 'string') {
            if (ours) throw new Error(target)
            missing.set(name, target)
            continue
          }
          if (ours) kept = target
          try {
            const outcome = await takeTurn(target, what, clients, options)
            outcomes.set(name, [...(outcomes.get(name) ?? []), outcome])
            const title = `${clients} clients, ${what.name}, ${name}`
            say(`round ${round}, ${title}: ${outcome.cpuMicrosPerMessage.toFixed(1)} µs`)
            for (const trouble of outcome.troubles) say(`TROUBLE ${title}: ${trouble}`)
          } finally {
            if (!ours) await target.stop()
          }
        }
      }
    }
  } finally {
    await kept?.stop()
  }
  say(`\nmedians of ${options.rounds} rounds of ${options.seconds} s`)
  say(toReport(heats))
  for (const [name, why] of missing) say(`left out: ${name} (${why})`)
  const own = heats.flatMap(({ outcomes }) => outcomes.get('patchbay') ?? [])
  return own.every(({ troubles }) => troubles.length === 0)
}

function toReport(heats: readonly Heat[]): string {
  const queryable = ['queryable p50 ms', 'p99']
  const head = ['clients', 'case', 'server', 'CPU µs/msg', 'patchbay ÷', 'msg/s', 'ack p50 ms', 'p99', ...queryable]
  return toTable(
    head,
    heats.flatMap(({ clients, what, outcomes }) =>
      [...outcomes].map(([name, turns]) => {
        const middle = (pick: (turn: Outcome) => number | undefined, digits = 1): string =>
          toText(median(turns.map(pick)), digits)
        // The ratio of each round by itself: what disturbed one round disturbed both.
        const ratio = median(
          outcomes.get('patchbay')?.map((own, i) => {
            const other = turns[i]?.cpuMicrosPerMessage
            return other === undefined ? undefined : own.cpuMicrosPerMessage / other
          }) ?? [],
        )
        return [
          String(clients),
          `${what.name} ${what.perSecond}/s`,
          name,
          middle((turn) => turn.cpuMicrosPerMessage),
          toText(ratio, 2),
          middle((turn) => turn.messagesPerSecond, 0),
          middle((turn) => turn.ackP50Ms),
          middle((turn) => turn.ackP99Ms),
          middle((turn) => turn.queryP50Ms),
          middle((turn) => turn.queryP99Ms),
        ]
      }),
    ),
  )
}
