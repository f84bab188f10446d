import type { KeyedTurns } from '@patchbay/core/keyed-turns'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { RollupWork } from './rollup-work.ts'
import type { SealPlan } from './seal-plan.ts'
import type { Sealing } from './sealing.ts'

/** How often is looked after what no commit brings about: slow devices, roll-ups, growth. */
const SWEEP_EVERY_MS = 60_000
/** Devices that are sealed side by side. */
const DEVICES_AT_ONCE = 4
/** Wait for room, and the pause after MongoDB could not do it. */
const MAX_WAIT_MS = 5_000
const PAUSE_MS = 1_000

export interface HousekeepingOptions {
  plan: SealPlan
  sealing: Sealing
  rollups: RollupWork
  /** One at a time changes the documents of a device. */
  turns: KeyedTurns
  rollupAfterMs: number
  /** One of several nodes rolls up. */
  mayRollUp(): boolean
  /** Others see what is committed before it is moved. */
  mark(): Promise<void>
  sample(): Promise<void>
}

/** Seals and rolls up behind the commits, and when MongoDB cannot do it now, later. */
export class Housekeeping {
  readonly #options: HousekeepingOptions
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(options: HousekeepingOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      options.plan.sweep(Date.now())
      void options.sample().catch(() => undefined)
      this.wake()
    }, SWEEP_EVERY_MS).unref()
  }

  /** There may be something to do. */
  wake(): void {
    this.#again = true
    if (this.#closed) return
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  /** Resolves when commits need not wait for the sealing. */
  async room(): Promise<void> {
    const until = performance.now() + MAX_WAIT_MS
    while (this.#options.plan.full) {
      if (performance.now() > until || this.#closed) throw new StoreUnavailable('more points come than can be sealed')
      this.wake()
      await Promise.race([this.#running, pause(PAUSE_MS)])
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false
      try {
        while (!this.#closed && (await this.#sealSome()));
        // Asked anew each time: what is sealed between two steps may be due already, and nothing wakes for it later.
        while (!this.#closed && this.#options.mayRollUp() && (await this.#rollUp())) {
          // Sealing goes first: commits may wait for it.
          while (!this.#closed && (await this.#sealSome()));
        }
      } catch {
        // MongoDB cannot do it now; the points stay where they are, and it is tried again with what comes next.
        await pause(PAUSE_MS)
      }
    }
  }

  #rollUp(): Promise<boolean> {
    return this.#options.rollups.step(Date.now() - this.#options.rollupAfterMs)
  }

  async #sealSome(): Promise<boolean> {
    const { plan, sealing, turns, mark } = this.#options
    const due = plan.take(DEVICES_AT_ONCE)
    if (due.length === 0) return false
    try {
      await mark()
    } catch (error) {
      for (const device of due) plan.retry(device)
      throw error
    }
    const results = await Promise.allSettled(
      due.map(async (device) => {
        const points = await turns(device, () => sealing.seal(device))
        // What the plan counted and nobody has any more went with the device or by retention.
        plan.sealed(device, points === 0 ? Infinity : points)
      }),
    )
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected') plan.retry(due[i] ?? '')
    }
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
    return true
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
