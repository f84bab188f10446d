import type { TelemetryStore } from '../telemetry/port.ts'
import type { DeviceRules } from './device-rules.ts'
import { ruleLimits } from './limits.ts'

/** Brings in what a rule must know and no reading has told: present values, and shadows. */
export interface Seeder {
  add(held: DeviceRules, rules: ReadonlySet<string>): void
  /** Resolves when nothing is left to be read, or after a while. */
  idle(): Promise<void>
}

export function createSeeder(deps: {
  telemetry: Pick<TelemetryStore, 'latest'>
  shadowOf: (device: string) => Promise<{ desired: unknown; reported: unknown }>
  isClosed: () => boolean
  /** The values are there: these rules can be evaluated. */
  ready: (held: DeviceRules, rules: ReadonlySet<string>) => void
  onFault: (error: unknown) => void
}): Seeder {
  const waiting = new Map<DeviceRules, Set<string>>()
  const waiters: (() => void)[] = []
  let running = 0

  async function seed(held: DeviceRules, rules: ReadonlySet<string>): Promise<void> {
    const pairs = [...held.pairs.values()]
    const lacks = pairs.some(
      ({ rule }) =>
        rules.has(rule.id) && (rule.anyKey || [...rule.keys].some((key) => held.values.get(key) === undefined)),
    )
    if (lacks && !held.complete) {
      const latest = await deps.telemetry.latest(held.device.id)
      for (const [key, { at, value }] of Object.entries(latest)) held.values.set(key, at, value)
      held.complete = true
    }
    if (pairs.some(({ rule }) => rule.shadow)) held.values.setShadow(await deps.shadowOf(held.device.id))
    deps.ready(held, rules)
  }

  async function work(): Promise<void> {
    running++
    for (const [held, rules] of waiting) {
      waiting.delete(held)
      if (deps.isClosed()) break
      try {
        await seed(held, rules)
      } catch (error) {
        deps.onFault(error)
      }
    }
    running--
    if (running === 0 && waiting.size === 0) for (const resolve of waiters.splice(0)) resolve()
  }

  return {
    add(held, rules) {
      const known = waiting.get(held)
      if (known) for (const id of rules) known.add(id)
      else waiting.set(held, new Set(rules))
      if (running < ruleLimits.seedsAtOnce) void work()
    },
    idle() {
      if (running === 0 && waiting.size === 0) return Promise.resolve()
      return new Promise((resolve) => {
        waiters.push(resolve)
        setTimeout(resolve, ruleLimits.seedWaitMs).unref()
      })
    },
  }
}
