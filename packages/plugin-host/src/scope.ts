import type { Clock } from './clock.ts'
import { within } from './deadline.ts'
import { HostError } from './errors.ts'

/** What one release may take. */
export const releaseMs = 5_000
/** What a release gets when the time of all is used up: each is still called. */
const leastReleaseMs = 50

type Release = () => void | Promise<void>

export interface ScopeReport {
  /** Releases that threw. */
  failures: { label: string; error: unknown }[]
  /** Labels of releases that did not end in time. */
  left: string[]
}

/** Owns everything an instance takes, and gives it back. */
export interface Scope {
  readonly signal: AbortSignal
  readonly closing: boolean
  readonly size: number
  /** Takes a resource; the answer gives it up again without releasing it. Once closing: releases at once and throws. */
  own(label: string, release: Release): () => void
  /** As `own`, for what must be withdrawn before anything else is released. */
  ownFirst(label: string, release: Release): () => void
  /** Runs `work` every `ms`, never twice at once; a turn that comes while the last one still runs is left out. */
  every(ms: number, work: Release, failed: (error: unknown) => void): void
  /** Newest first, one at a time, each with its own deadline. Twice = the same promise. */
  close(budgetMs?: number): Promise<ScopeReport>
}

export interface ScopeOptions {
  clock: Clock
  releaseMs?: number
  /** Every call into the owner's code goes through this. */
  run?: <T>(work: () => T) => T
  /** Told when something taken too late could not be released. */
  lateFailed?: (label: string, error: unknown) => void
}

interface Item {
  label: string
  release: Release
}

export function createScope(options: ScopeOptions): Scope {
  const { clock } = options
  const perReleaseMs = options.releaseMs ?? releaseMs
  const run = options.run ?? ((work) => work())
  const abort = new AbortController()
  const first = new Set<Item>()
  const owned = new Set<Item>()
  let closed: Promise<ScopeReport> | undefined
  let closing = false

  const refuse = (label: string, release: Release): never => {
    const told = (error: unknown): void => options.lateFailed?.(label, error)
    void within(clock, perReleaseMs, () => run(release)).then((outcome) => {
      if (outcome.kind === 'failed') told(outcome.error)
      if (outcome.kind === 'late') told(new HostError('PLUGIN_STOP_FAILED', `${label} was not released in time.`))
    })
    throw new HostError('PLUGIN_STOPPED', `${label} was taken while the instance stops; it was released at once.`)
  }

  const take = (items: Set<Item>, label: string, release: Release): (() => void) => {
    if (closing) refuse(label, release)
    const item = { label, release }
    items.add(item)
    return () => void items.delete(item)
  }

  const releaseAll = async (budgetMs: number): Promise<ScopeReport> => {
    const report: ScopeReport = { failures: [], left: [] }
    const startedMs = clock.monotonicMs()
    for (const items of [first, owned]) {
      for (const item of [...items].toReversed()) {
        // Given up by its owner, or taken by the release of another one meanwhile.
        if (!items.delete(item)) continue
        const leftMs = budgetMs - (clock.monotonicMs() - startedMs)
        const ms = Math.max(leastReleaseMs, Math.min(perReleaseMs, leftMs))
        const outcome = await within(clock, ms, () => run(item.release))
        if (outcome.kind === 'failed') report.failures.push({ label: item.label, error: outcome.error })
        if (outcome.kind === 'late') report.left.push(item.label)
      }
    }
    return report
  }

  return {
    signal: abort.signal,
    get closing() {
      return closing
    },
    get size() {
      return first.size + owned.size
    },
    own: (label, release) => take(owned, label, release),
    ownFirst: (label, release) => take(first, label, release),
    every(ms, work, failed) {
      let cancel: (() => void) | undefined
      let running: Promise<void> | undefined
      const wait = (waitMs: number): void => {
        if (!closing) cancel = clock.after(waitMs, turn)
      }
      const turn = (): void => {
        const startedMs = clock.monotonicMs()
        const settled = run(async () => work())
        running = settled.then(
          () => wait(ms - ((clock.monotonicMs() - startedMs) % ms)),
          (error: unknown) => failed(error),
        )
      }
      take(owned, `every ${ms} ms`, async () => {
        cancel?.()
        await running
      })
      wait(ms)
    },
    close(budgetMs = Infinity) {
      if (closed) return closed
      // Refuse before anything of the owner runs: an abort listener or a release may try to take something new.
      closing = true
      let resolveClosed: (report: ScopeReport) => void = () => undefined
      closed = new Promise((resolve) => (resolveClosed = resolve))
      run(() => abort.abort(new HostError('PLUGIN_STOPPED')))
      void releaseAll(budgetMs).then(resolveClosed)
      return closed
    },
  }
}
