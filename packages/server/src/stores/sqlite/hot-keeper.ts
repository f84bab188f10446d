import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { OnDemandLink } from './on-demand-link.ts'
import type { SealLimits } from './seal-queue.ts'
import type { LogCalls, StoreCalls } from './telemetry-calls.ts'
import type { WorkerLink } from './worker-link.ts'

/** Points after which the hot log is looked after, unless fewer may be hot. */
const TEND_POINTS = 16_384
const TEND_PART = 1 / 8
/** How often it is looked after whatever comes: slow devices, roll-ups, free pages. */
const SWEEP_EVERY_MS = 60_000
/** Points that may be hot beyond what the limits say; then commits wait for the sealing. */
const MAX_BEHIND = 500_000
const MAX_WAIT_MS = 5_000

/** Has the hot log sealed and trimmed as it grows: what the storing thread has sealed, the log's thread lets go of. */
export class HotKeeper {
  readonly #log: Pick<WorkerLink<LogCalls>, 'call'>
  readonly #store: Pick<OnDemandLink<StoreCalls>, 'call' | 'started'>
  readonly #everyPoints: number
  readonly #timer: NodeJS.Timeout
  /** Points that are hot beyond what may be, as far as is known. */
  #behind = 0
  #untended: number
  #tending: Promise<void> | undefined
  #closed = false

  constructor(
    log: Pick<WorkerLink<LogCalls>, 'call'>,
    store: Pick<OnDemandLink<StoreCalls>, 'call' | 'started'>,
    limits: SealLimits,
    hotPoints: number,
  ) {
    this.#log = log
    this.#store = store
    this.#everyPoints = Math.max(1, Math.min(TEND_POINTS, Math.floor(limits.hotRows * TEND_PART)))
    this.#untended = hotPoints
    this.#timer = setInterval(() => void this.#tend(true), SWEEP_EVERY_MS).unref()
    // Roll-ups and sealing may be left from the run before, when all is to be done at once.
    if (this.#untended >= this.#everyPoints || limits.hotRows === 0) void this.#tend(true)
  }

  /** Points were committed. */
  committed(points: number): void {
    this.#behind += points
    this.#untended += points
    if (this.#untended >= this.#everyPoints) void this.#tend(false)
  }

  /** Something was changed that leaves work behind. */
  wake(): void {
    void this.#tend(true)
  }

  /** Whether commits must wait until more is sealed. */
  get full(): boolean {
    return this.#behind > MAX_BEHIND
  }

  /** Resolves when there is room again. */
  async room(): Promise<void> {
    const until = performance.now() + MAX_WAIT_MS
    while (this.full) {
      if (performance.now() > until || this.#closed) throw new StoreUnavailable('more points come than can be sealed')
      await this.#tend(false)
    }
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#tending
    // So that the next start finds only what is hot.
    if (this.#store.started) await this.#run({ sweep: false, last: true })
  }

  #tend(sweep: boolean): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#tending ??= this.#run({ sweep, last: false }).finally(() => {
      this.#tending = undefined
      if (this.#untended >= this.#everyPoints) void this.#tend(false)
    })
    return this.#tending
  }

  async #run(ask: StoreCalls['tend']['ask']): Promise<void> {
    try {
      for (let more = true; more; more &&= !this.#closed) {
        this.#untended = 0
        const tended = await this.#store.call('tend', ask)
        this.#behind = tended.behind + this.#untended
        more = tended.more
        if (!tended.trim) continue
        await this.#log.call('trim', tended.trim)
        await this.#store.call('trimmed', tended.trim)
      }
    } catch {
      // The disk cannot take it now, or the store is being closed: the points stay where they are, and it is tried again with the next sweep.
      this.#untended = 0
    }
  }
}
