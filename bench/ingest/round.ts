import { cpuMicros, threadCpuMicros } from '../host/usage.ts'
import type { Crew } from '../load/crew.ts'
import { percentileMs } from '../load/latencies.ts'
import type { Kind, Sent } from '../load/orders.ts'
import type { Target } from './targets/target.ts'

export interface Case {
  name: string
  kind: Kind
  qos: 0 | 1
  perSecond: number
}

export interface Measured {
  /** Whole-process CPU of everything that belongs to the target. */
  cpuMicrosPerMessage: number
  messagesPerSecond: number
  sent: number
  unanswered: number
  /** Where the target counts them. */
  stored: number | undefined
  ackP50Ms: number | undefined
  ackP99Ms: number | undefined
  /** What would make the figures worthless, in words. */
  troubles: string[]
  /** The same by kind of thread, for a target of one process. */
  threadMicrosPerMessage: ReadonlyMap<string, number>
  /** When the measured time began and ended, on the machine's monotonic clock. */
  window: { fromMicros: number; toMicros: number }
}

const lookEveryMs = 100
/** Less CPU than this between two looks is a server at rest. */
const restMicros = 20_000
const restTimeoutMs = 30_000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const monotonicMicros = (): number => Number(process.hrtime.bigint() / 1000n)
const threadsOf = ({ pids: [pid] }: Target): ReadonlyMap<string, number> => threadCpuMicros(pid ?? 0)
const cpuOf = ({ pids }: Target): number => pids.reduce((sum, pid) => sum + cpuMicros(pid), 0)

/** At QoS 0 nobody says when the last message is done: the server is when it does nothing any more. Answers how long ago that was. */
async function untilAtRest(target: Target): Promise<void> {
  await pause(target.lagMs)
  const until = performance.now() + restTimeoutMs
  for (let before = cpuOf(target); performance.now() < until;) {
    await pause(lookEveryMs)
    const now = cpuOf(target)
    if (now - before < restMicros) return
    before = now
  }
  throw new Error(`${target.name} did not come to rest within ${restTimeoutMs / 1000} s`)
}

/** One measured stretch over connections that are there already. */
export async function runRound(target: Target, crew: Crew, what: Case, seconds: number): Promise<Measured> {
  const storedBefore = await target.stored?.(what.kind)
  const cpuBefore = cpuOf(target)
  const threadsBefore = threadsOf(target)
  const fromMicros = monotonicMicros()
  const { kind, qos, perSecond } = what
  const sent = await crew.send({ kind, qos, perSecond, ms: seconds * 1000 })
  await untilAtRest(target)
  const toMicros = monotonicMicros()
  const cpu = cpuOf(target) - cpuBefore
  const threads = [...threadsOf(target)].map(
    ([name, micros]) => [name, (micros - (threadsBefore.get(name) ?? 0)) / sent.messages] as const,
  )
  const stored = storedBefore === undefined ? undefined : ((await target.stored?.(what.kind)) ?? 0) - storedBefore
  const tookSeconds = (toMicros - fromMicros) / 1e6 - (target.lagMs + lookEveryMs) / 1000
  return {
    // What is lost on the way must not look cheap.
    cpuMicrosPerMessage: cpu / (stored || sent.messages),
    threadMicrosPerMessage: new Map(threads),
    sent: sent.messages,
    unanswered: sent.unanswered,
    stored,
    messagesPerSecond: sent.messages / Math.max(seconds, tookSeconds),
    ackP50Ms: percentileMs(sent.latencies, 50),
    ackP99Ms: percentileMs(sent.latencies, 99),
    troubles: troublesOf(sent, stored),
    window: { fromMicros, toMicros },
  }
}

export async function warmUp(
  target: Target,
  crew: Crew,
  { kind, qos, perSecond }: Case,
  seconds: number,
): Promise<void> {
  await crew.send({ kind, qos, perSecond, ms: seconds * 1000 })
  await untilAtRest(target)
}

function troublesOf(sent: Sent, stored: number | undefined): string[] {
  const troubles: string[] = []
  if (sent.lost > 0) troubles.push(`${sent.lost} connections lost`)
  if (sent.unanswered > 0) troubles.push(`${sent.unanswered} messages not acknowledged`)
  if (sent.heldBack > sent.messages / 100) troubles.push(`${sent.heldBack} messages held back: the rate is too much`)
  if (stored !== undefined && stored !== sent.messages) troubles.push(`${sent.messages} sent, ${stored} stored`)
  return troubles
}
