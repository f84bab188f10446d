import type { Clock } from '../clock.ts'
import { type CommitCursor, type CommittedRecord, kinds, type TelemetryStore } from '../telemetry/port.ts'
import type { CommittedQueue } from './committed-queue.ts'
import type { DeviceRules, LivePair } from './device-rules.ts'
import { noTime } from './device-values.ts'
import { ruleLimits } from './limits.ts'
import { toPoint } from './committed-point.ts'
import { createPauses } from './pause.ts'
import type { CommittedGroup } from './port.ts'

interface Route {
  held: DeviceRules | undefined
  key: string
}

/**
 * Takes in what was committed, in commit order, each record once: from the queue of fresh groups, or from the log when they are not
 * there any more. It gives the loop back every few milliseconds.
 */
export interface Intake {
  /** The last point that was taken in. */
  readonly position: number
  readonly readings: number
  cursor(): CommitCursor
  /** The last points of the other writers that were taken in; undefined while there is no other. */
  others(): Map<string, number> | undefined
  jump(cursor: CommitCursor): void
  /** Something may have come. */
  wake(): void
  /** Resolves when everything up to this point of the own log has been taken in, and all that other writers are known to have committed. */
  reachEnds(own: CommitCursor): Promise<void>
  /** Points of other writers that were not yet taken in. */
  readonly behindOthers: number
  /** What applies to a series may have changed. */
  forgetRoutes(): void
  close(): Promise<void>
}

export interface IntakeOptions {
  telemetry: Pick<TelemetryStore, 'writer' | 'end' | 'readCommitted'>
  queue: CommittedQueue
  clock: Clock
  deviceOf: (id: string) => DeviceRules | undefined
  /** False while too many signals wait for the alerts. */
  mayTake: () => boolean
  /** Before a turn. */
  before: () => void
  advance: (held: DeviceRules, at: number) => void
  reading: (held: DeviceRules, pair: LivePair, at: number, now: number, touched: ReadonlySet<string>) => void
  /** A record of the device was taken in. */
  taken: (held: DeviceRules) => void
  onFault: (error: unknown) => void
}

const maxRoutes = 500_000
const recordsPerLook = 32

export function createIntake(options: IntakeOptions): Intake {
  const { telemetry, queue, clock, deviceOf, before, advance, reading, taken } = options
  const { writer } = telemetry
  const routes = new Map<number, Route>()
  /** How many keys of a device were known when its routes were made. */
  const routed = new Map<unknown, number>()
  const touched = new Set<string>()
  const waiters: { position: number; resolve: () => void }[] = []
  let position = 0
  /** Of the other nodes that write; their logs are read, for nothing of them comes by the queue. */
  const others = new Map<string, number>()
  let wanted = 0
  let readings = 0
  let visit = 0
  let now = 0
  let running: Promise<void> | undefined
  const pauses = createPauses(clock)

  function begin(held: DeviceRules, at: number): void {
    const time = at < now ? at : now
    if (held.due <= time) advance(held, time)
  }

  const seenOf = (held: DeviceRules, from: string): number =>
    from === writer ? held.seq : (held.others?.get(from) ?? 0)

  function finish(held: DeviceRules, at: number, seq: number, from = writer): void {
    // A time to come is a clock that is wrong, ours or the device's: it happens now.
    const time = at < now ? at : now
    visit++
    readings++
    for (const key of touched) {
      for (const pair of held.pairsOf(key) ?? []) {
        if (pair.visit === visit) continue
        pair.visit = visit
        reading(held, pair, time, now, touched)
      }
    }
    for (const pair of held.always) reading(held, pair, time, now, touched)
    touched.clear()
    if (from === writer) held.seq = seq
    else (held.others ??= new Map()).set(from, seq)
    taken(held)
  }

  function routeOf(series: number, group: CommittedGroup): Route | undefined {
    const known = routes.get(series)
    if (known) return known
    if (routes.size > maxRoutes) forgetRoutes()
    for (const { series: device } of group.owners) {
      if (routed.get(device) === device.keys.size) continue
      routed.set(device, device.keys.size)
      const held = deviceOf(device.device)
      for (const [key, id] of device.keys) routes.set(id, { held, key })
    }
    return routes.get(series)
  }

  function forgetRoutes(): void {
    routes.clear()
    routed.clear()
  }

  const breathe = async (): Promise<void> => {
    await new Promise<void>((resolve) => setImmediate(resolve))
    before()
    now = clock.nowMicros()
  }

  /** False: a series in it is not known here, the log must be read. */
  async function takeGroup(group: CommittedGroup): Promise<boolean> {
    const { length, series, at, kind, number, text } = group.batch
    let row = position + 1 - group.first
    let texts = 0
    for (let i = 0; i < row; i++) if ((kind[i] ?? 0) >= kinds.text) texts++
    let began = performance.now()
    let records = 0
    while (row < length) {
      const route = routeOf(series[row] ?? 0, group)
      if (!route) return false
      const { held } = route
      const time = at[row] ?? 0
      if (held === undefined || group.first + row <= held.seq) {
        if ((kind[row] ?? 0) >= kinds.text) texts++
        row++
      } else {
        begin(held, time)
        for (let next: Route | undefined = route; next && next.held === held && at[row] === time && row < length;) {
          const sort = kind[row] ?? 0
          const value = toPoint(sort, number[row] ?? 0, sort >= kinds.text ? (text[texts++] ?? '') : '')
          if (held.values.set(next.key, time > now ? noTime : time, value)) touched.add(next.key)
          row++
          next = row < length ? routeOf(series[row] ?? 0, group) : undefined
          // The same key once more is the next record.
          if (next && touched.has(next.key)) break
        }
        finish(held, time, group.first + row - 1)
      }
      position = group.first + row - 1
      if (++records % recordsPerLook === 0 && performance.now() - began > ruleLimits.turnMs) {
        await breathe()
        if (pauses.closed) return true
        began = performance.now()
      }
    }
    return true
  }

  async function takePage(): Promise<void> {
    const { records, cursor } = await telemetry.readCommitted(
      { ...endsOfOthers(), [writer]: position },
      ruleLimits.pagePoints,
    )
    await takeRecords(records)
    const seen = cursor[writer] ?? 0
    // What is missing at the end was deleted.
    if (!pauses.closed) position = Math.max(position, records.length === 0 ? Math.max(seen, wanted) : seen)
  }

  /** A page of what other writers committed. */
  async function takeOthers(): Promise<void> {
    const ask = { ...Object.fromEntries(others), [writer]: Number.MAX_SAFE_INTEGER }
    const { records, cursor } = await telemetry.readCommitted(ask, ruleLimits.pagePoints)
    await takeRecords(records)
    if (pauses.closed) return
    for (const [name, seen] of Object.entries(cursor)) if (name !== writer) others.set(name, seen)
  }

  const endsOfOthers = (): CommitCursor => {
    const { [writer]: _, ...ends } = telemetry.end()
    return ends
  }
  const behindOthers = (): number => {
    let points = 0
    for (const [name, end] of Object.entries(endsOfOthers())) points += Math.max(0, end - (others.get(name) ?? 0))
    return points
  }

  async function takeRecords(records: readonly CommittedRecord[]): Promise<void> {
    let began = performance.now()
    now = clock.nowMicros()
    for (const [i, { writer: from, device, at, values, seq }] of records.entries()) {
      const held = deviceOf(device)
      if (held && seq > seenOf(held, from)) {
        begin(held, at)
        const time = at > now ? noTime : at
        for (const [key, value] of Object.entries(values)) if (held.values.set(key, time, value)) touched.add(key)
        finish(held, at, seq, from)
      }
      if (from === writer) position = seq
      if (i % recordsPerLook === 0 && performance.now() - began > ruleLimits.turnMs) {
        await breathe()
        if (pauses.closed) return
        began = performance.now()
      }
    }
  }

  async function run(): Promise<void> {
    while (!pauses.closed) {
      if (!options.mayTake()) {
        await pauses.wait(ruleLimits.tickMs)
        continue
      }
      before()
      now = clock.nowMicros()
      const group = queue.after(position)
      if (group) {
        if (!(await takeGroup(group))) {
          wanted = Math.max(wanted, group.last)
          await takePage()
        }
      } else if (position < Math.max(queue.heard, wanted)) {
        wanted = Math.max(wanted, queue.heard)
        await takePage()
      } else if (behindOthers() > 0) await takeOthers()
      else break
      settleWaiters()
      if (queue.heard > position) await breathe()
    }
    settleWaiters()
  }

  function settleWaiters(): void {
    for (let i = waiters.length - 1; i >= 0; i--) {
      const waiter = waiters[i]
      if (waiter && (pauses.closed || waiter.position <= position)) {
        waiters.splice(i, 1)
        waiter.resolve()
      }
    }
  }

  function wake(): void {
    if (running || pauses.closed) return
    // After the acknowledgements of the group, and whatever else has come, not among them.
    running = new Promise<void>((resolve) => setImmediate(resolve))
      .then(run)
      .catch(async (error: unknown) => {
        options.onFault(error)
        await pauses.wait(ruleLimits.retryMs)
      })
      .finally(() => {
        running = undefined
        if (!pauses.closed && position < Math.max(queue.heard, wanted)) wake()
      })
  }

  function reach(to: number): Promise<void> {
    if (to <= position || pauses.closed) return Promise.resolve()
    wanted = Math.max(wanted, to)
    wake()
    return new Promise((resolve) => waiters.push({ position: to, resolve }))
  }

  return {
    get position() {
      return position
    },
    get readings() {
      return readings
    },
    cursor: () => ({ ...Object.fromEntries(others), [writer]: position }),
    others: () => (others.size === 0 ? undefined : new Map(others)),
    jump(to) {
      position = to[writer] ?? 0
      wanted = position
      others.clear()
      for (const [name, seq] of Object.entries(to)) if (name !== writer) others.set(name, seq)
    },
    get behindOthers() {
      return behindOthers()
    },
    async reachEnds({ [writer]: own = 0 }) {
      await reach(own)
      while (behindOthers() > 0 && !pauses.closed) {
        wake()
        await running
      }
    },
    wake,
    forgetRoutes,
    async close() {
      pauses.close()
      settleWaiters()
      await running
    },
  }
}
