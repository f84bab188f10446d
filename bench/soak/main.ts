import { checkOpenFiles } from '../host/open-files.ts'
import { cpuMicros, rssKib } from '../host/usage.ts'
import { runRound, warmUp } from '../ingest/round.ts'
import { startPatchbayTarget } from '../ingest/targets/patchbay-target.ts'
import { createCrew } from '../load/crew.ts'
import { toTable, toText } from '../table.ts'
import { watchMemory } from './memory-curve.ts'
import { type SoakOptions, toOptions, usage } from './options.ts'

const toMib = (kib: number): string => toText(kib / 1024, 0)

/** Answers whether nothing was lost. */
async function soak(options: SoakOptions, say: (line: string) => void): Promise<boolean> {
  const { connections, perSecond, seconds, kind, qos } = options
  const target = await startPatchbayTarget()
  const [pid = 0] = target.pids
  const crew = createCrew(options.processes)
  try {
    await crew.connect(target, await target.logins(connections))
    const what = { name: 'soak', kind, qos, perSecond }
    if (options.warmUpSeconds > 0) await warmUp(target, crew, what, options.warmUpSeconds)
    // Each look begins the loop's figures anew: the round's own two looks are all that there are.
    let metric = await target.metrics()
    const stored = async (): Promise<number> => {
      metric = await target.metrics()
      return metric('patchbay_ingest{', 'what="messages"')
    }
    const curve = watchMemory(
      () => rssKib(pid),
      (minute, kib) => say(`minute ${minute}: ${toMib(kib)} MiB`),
    )
    const cpuBefore = cpuMicros(pid)
    const round = await runRound({ ...target, stored }, crew, what, seconds).finally(() => curve.stop())
    const cpuPercent = (cpuMicros(pid) - cpuBefore) / (seconds * 10_000)
    const sessions = metric('patchbay_sessions ')
    await crew.close()
    const { firstKib, lastKib } = curve.ends()
    const loopMs = (figure: string): string => toText(metric(`nodejs_eventloop_lag_${figure}_seconds`) * 1000, 1)
    const rows = [
      ['connections held', `${sessions} of ${connections}`],
      ['sent', `${round.sent}, ${toText(round.messagesPerSecond, 0)}/s of ${perSecond}/s, ${kind} QoS ${qos}`],
      ['acknowledged', qos === 1 ? String(round.sent - round.unanswered) : '-'],
      ['stored', String(round.stored ?? '-')],
      ['ack p50, p99', `${toText(round.ackP50Ms, 1)}, ${toText(round.ackP99Ms, 1)} ms`],
      ['loop delay p50, p99, max', `${loopMs('p50')}, ${loopMs('p99')}, ${loopMs('max')} ms`],
      ['memory (RSS), first minute', `${toMib(firstKib)} MiB`],
      ['memory (RSS), last minute', `${toMib(lastKib)} MiB (${toText((lastKib - firstKib) / 1024, 1)} MiB more)`],
      ['CPU', `${toText(cpuPercent, 0)} % of a core, ${toText(round.cpuMicrosPerMessage, 1)} µs/message`],
    ]
    say(toTable([`${seconds} s`, 'figure'], rows))
    const troubles = [...round.troubles]
    if (sessions !== connections) troubles.push(`${connections - sessions} connections are gone`)
    for (const trouble of troubles) say(`TROUBLE ${trouble}`)
    return troubles.length === 0
  } finally {
    crew.end()
    await target.stop()
  }
}

try {
  const options = toOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else {
    checkOpenFiles(options.connections)
    process.exitCode = (await soak(options, (line) => console.log(line))) ? 0 : 1
  }
} catch (error) {
  console.error(`bench:soak: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
process.exit()
