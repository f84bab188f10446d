import type { AlertSignal, AlertSink } from '../alerts/port.ts'
import type { Clock } from '../clock.ts'
import type { RegistryStore } from '../registry/port.ts'
import type { CommitCursor, TelemetryStore } from '../telemetry/port.ts'
import type { DeviceRules } from './device-rules.ts'
import { ruleLimits } from './limits.ts'
import { createPauses } from './pause.ts'
import { toDocument } from './state-document.ts'

/** Name of the rules among the followers of the committed log, and of their document in `meta`. */
export const follower = 'rules'

export interface KeptCursor {
  cursor: CommitCursor
  /** When the rules were last known to run, µs. */
  at: number
}

/**
 * Makes durable what rules remember. A device whose state led to signals is stored at once, together with these, and only then are
 * they given to the alerts; all others are stored every some seconds, and after them the cursor, from which the log is read again
 * after a kill. A device's document names the point up to which it is true, so nothing is taken in twice.
 */
export interface StateKeeper {
  /** Something about it changed. */
  touch(held: DeviceRules): void
  /** Signals wait in `held.pending`. */
  urge(held: DeviceRules): void
  /** Its document goes, once its last signals are the alerts'. */
  forget(device: string): void
  /** It is followed again. */
  keep(device: string): void
  /** Signals that are not the alerts' yet. */
  readonly waiting: number
  checkpoint(): Promise<void>
  /** Says that the rules still run, and stores nothing else. */
  beat(): Promise<void>
  /** Resolves when all signals given until now are the alerts'. */
  settled(): Promise<void>
  close(): Promise<void>
}

export function createStateKeeper(deps: {
  registry: Pick<RegistryStore, 'append' | 'put' | 'delete'>
  telemetry: Pick<TelemetryStore, 'holdCommitted' | 'writer'>
  alerts: AlertSink
  clock: Clock
  /** Where the rules stand now; undefined while they follow nothing. */
  cursor: () => CommitCursor | undefined
  onFault: (error: unknown) => void
}): StateKeeper {
  const { registry, telemetry, alerts, clock, cursor } = deps
  const dirty = new Set<DeviceRules>()
  const urgent = new Set<DeviceRules>()
  const gone = new Set<string>()
  let waiting = 0
  let kept: KeptCursor | undefined
  let delivering: Promise<void> | undefined
  let checking: Promise<void> | undefined
  const pauses = createPauses(clock)

  const write = (batch: readonly DeviceRules[]): Promise<void> =>
    registry.append(
      'rule_states',
      batch.map((held) => ({ id: held.device.id, body: toDocument(held, telemetry.writer) })),
    )

  const take = (from: Set<DeviceRules>): DeviceRules[] => {
    const batch: DeviceRules[] = []
    for (const held of from) {
      if (batch.length === ruleLimits.documentsPerWrite) break
      from.delete(held)
      if (!gone.has(held.device.id) || held.pending.length > 0) batch.push(held)
    }
    return batch
  }

  async function deliverOnce(): Promise<void> {
    const batch = take(urgent)
    if (batch.length === 0) return
    const counts = batch.map(({ pending }) => pending.length)
    try {
      for (const held of batch) dirty.delete(held)
      await write(batch)
      const signals: AlertSignal[] = batch.flatMap(({ pending }, i) => pending.slice(0, counts[i]))
      for (let i = 0; i < signals.length; i += ruleLimits.signalsPerWrite) {
        await alerts.apply(signals.slice(i, i + ruleLimits.signalsPerWrite))
      }
    } catch (error) {
      for (const held of batch) {
        urgent.add(held)
        dirty.add(held)
      }
      throw error
    }
    for (const [i, held] of batch.entries()) {
      const count = counts[i] ?? 0
      held.pending.splice(0, count)
      waiting -= count
      if (held.pending.length > 0) urgent.add(held)
      if (gone.has(held.device.id) && held.pending.length === 0) await registry.delete('rule_states', held.device.id)
      // The next checkpoint takes the signals out of the document.
      else dirty.add(held)
    }
  }

  async function deliver(): Promise<void> {
    while (urgent.size > 0) {
      try {
        await deliverOnce()
      } catch (error) {
        deps.onFault(error)
        if (pauses.closed) return
        await pauses.wait(ruleLimits.retryMs)
      }
    }
  }

  function deliverSoon(): Promise<void> {
    delivering ??= deliver().finally(() => {
      delivering = undefined
    })
    return delivering
  }

  async function check(): Promise<void> {
    // What is dirty from here on has taken in at least this much.
    const standing = cursor()
    const at = clock.nowMicros()
    const round = new Set(dirty)
    dirty.clear()
    while (round.size > 0) {
      const batch = take(round)
      try {
        if (batch.length > 0) await write(batch)
      } catch (error) {
        for (const held of [...batch, ...round]) dirty.add(held)
        throw error
      }
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    for (const device of gone) {
      if ([...urgent].some((held) => held.device.id === device)) continue
      await registry.delete('rule_states', device)
      gone.delete(device)
    }
    if (!standing) return
    kept = { cursor: standing, at }
    await registry.put('meta', follower, { ...kept, all: true }, 'any')
    await telemetry.holdCommitted(follower, standing)
  }

  return {
    touch(held) {
      dirty.add(held)
    },
    urge(held) {
      waiting++
      urgent.add(held)
      void deliverSoon()
    },
    forget(device) {
      gone.add(device)
    },
    keep(device) {
      gone.delete(device)
    },
    get waiting() {
      return waiting
    },
    checkpoint() {
      checking ??= check().finally(() => {
        checking = undefined
      })
      return checking
    },
    async beat() {
      // A checkpoint says it too, and must not be overtaken by an older cursor.
      if (!kept || checking || !cursor()) return
      await registry.put('meta', follower, { ...kept, all: true, at: clock.nowMicros() }, 'any')
    },
    async settled() {
      while (urgent.size > 0 || delivering) await deliverSoon()
    },
    async close() {
      pauses.close()
      await Promise.allSettled([delivering, checking])
      await deliver()
      await check()
    },
  }
}
