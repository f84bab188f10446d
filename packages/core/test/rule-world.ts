import { createArrivalClock } from '../src/ingest/arrival-clock.ts'
import { createBatcher } from '../src/ingest/batcher.ts'
import { createDeviceIngestPool } from '../src/ingest/device-ingest.ts'
import type { PresenceStatus } from '../src/presence/port.ts'
import { createCommittedQueue } from '../src/rules/committed-queue.ts'
import { createRules, type RuleNotice, type Rules } from '../src/rules/rules.ts'
import { createFakeClock } from './fake-clock.ts'
import { createMemoryRegistry } from './memory-registry.ts'
import { createMemoryTelemetry } from './memory-telemetry.ts'
import { createRecordedAlerts } from './recorded-alerts.ts'

const closers: (() => Promise<void>)[] = []

/** Ends what a test left running. */
export async function closeRuleWorlds(): Promise<void> {
  for (const close of closers.splice(0)) await close()
}

/** Stores and a clock that outlive the rules over them, as the disk outlives a process. */
export function createRuleWorld() {
  const clock = createFakeClock()
  const registry = createMemoryRegistry()
  const telemetry = createMemoryTelemetry()
  const alerts = createRecordedAlerts()
  const presence = new Map<string, PresenceStatus>()
  const shadows = new Map<string, { desired: unknown; reported: unknown }>()
  const notices: RuleNotice[] = []
  const faults: unknown[] = []

  async function start() {
    const queue = createCommittedQueue()
    const batcher = createBatcher({ telemetry, clock, onFault: (error) => faults.push(error), tap: queue })
    const pool = createDeviceIngestPool(telemetry)
    const arrival = createArrivalClock(clock)
    let alive = true
    const never = new Promise<never>(() => {})
    /** What the process may still do: nothing, once it is dead. */
    const mortal = <T extends object>(port: T): T =>
      new Proxy(port, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name)
          return typeof member === 'function' ? (...args: unknown[]) => (alive ? member(...args) : never) : member
        },
      })
    const rules: Rules = createRules({
      registry: mortal(registry),
      telemetry: mortal(telemetry),
      alerts: mortal(alerts),
      clock,
      queue,
      statusOf: (id) => presence.get(id) ?? { status: 'never' },
      shadowOf: async (id) => shadows.get(id) ?? { desired: {}, reported: {} },
      randomBytes: (size) => new Uint8Array(size).map((_, i) => i * 7),
      notice: (notice) => void notices.push(notice),
      onFault: (error) => void faults.push(error),
    })
    await rules.load()
    await rules.start()
    closers.push(async () => (alive ? rules.close() : undefined))
    return {
      rules,
      queue,
      kill() {
        alive = false
        queue.onWake = () => {}
      },
      /** As a message: decoded, committed, acknowledged. */
      async send(device: string, values: Record<string, number | string | boolean>) {
        const ingest = await pool.acquire(device, undefined)
        const at = (ingest.lastArrival = arrival.next(ingest.lastArrival))
        const { columns } = batcher
        for (const [key, value] of Object.entries(values)) {
          const series = ingest.series.keys.get(key) ?? ingest.addSeries(key)
          if (typeof value === 'number') columns.addNumber(series, at, value)
          else if (typeof value === 'boolean') columns.addBoolean(series, at, value)
          else columns.addText(series, at, value, false)
        }
        await new Promise<void>((resolve) => {
          batcher.add(ingest, () => resolve())
          clock.pass(10)
        })
      },
      /** Time goes by in steps that ticks can keep up with. */
      async pass(seconds: number) {
        for (let left = seconds * 1000; left > 0; left -= 500) {
          clock.pass(Math.min(left, 500))
          for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
          await rules.caughtUp()
        }
      },
    }
  }
  const addDevice = async (id: string, type = 'default', tags: string[] = []) => {
    await registry.put('devices', id, { id, name: id, type, tags, createdAt: '' }, 'any')
    return { id, name: id, type, tags, createdAt: '' }
  }
  const kinds = () => alerts.signals.map((signal) => `${signal.device} ${signal.kind}`)
  return { clock, registry, telemetry, alerts, presence, shadows, notices, faults, start, addDevice, kinds }
}

export type RuleWorld = ReturnType<typeof createRuleWorld>
