import { toFailure } from './failure.ts'
import type { Steps } from './hot-rows.ts'
import type { StoreWork } from './store-work.ts'
import type { StoreCalls } from './telemetry-calls.ts'
import type { Reply, RequestOf } from './worker-reply.ts'

/** Reads that take turns; the others wait for one of them to end. */
const MAX_RUNNING = 16
/** After that what came meanwhile is looked at. */
const TURN_MS = 2

type Read = RequestOf<Pick<StoreCalls, 'latest' | 'range' | 'raw' | 'committed'>>

export interface ReadTurns {
  push(request: Read): void
  cancel(id: number): void
  /** Does a turn of one read or of several short ones; answers whether there is more. */
  step(): boolean
}

/** Lets reads take turns, so that a long one holds up none. */
export function createReadTurns(work: StoreWork, reply: (answer: Reply) => void): ReadTurns {
  const waiting = new Map<number, Read>()
  const running = new Map<number, Steps<unknown>>()
  /** Reads came since the memory was last brought up to date. */
  let came = false

  function begin(request: Read): Steps<unknown> {
    switch (request.op) {
      case 'latest':
        return work.reads.latest(request.ask)
      case 'range':
        return work.reads.range(request.ask)
      case 'raw':
        return work.reads.raw(request.ask)
      default:
        return work.committed.read(request.ask)
    }
  }

  function beginSome(): void {
    if (waiting.size === 0 || running.size >= MAX_RUNNING) return
    for (const [id, request] of waiting) {
      if (running.size >= MAX_RUNNING) break
      waiting.delete(id)
      running.set(id, begin(request))
    }
  }

  /** Whatever was committed before a read came is in memory before it begins. */
  function catchUp(): boolean {
    if (!came) return true
    try {
      work.catchUp()
      came = false
      return true
    } catch (error) {
      for (const id of waiting.keys()) reply({ id, failure: toFailure(error) })
      waiting.clear()
      return false
    }
  }

  return {
    push(request) {
      waiting.set(request.id, request)
      came = true
    },
    cancel(id) {
      waiting.delete(id)
      running.delete(id)
    },
    step() {
      const end = performance.now() + TURN_MS
      do {
        if (waiting.size > 0 && running.size < MAX_RUNNING && catchUp()) beginSome()
        const first = running.entries().next().value
        if (!first) return waiting.size > 0
        const [id, steps] = first
        running.delete(id)
        advance(id, steps)
      } while (performance.now() < end)
      return running.size > 0 || waiting.size > 0
    },
  }

  function advance(id: number, steps: Steps<unknown>): void {
    try {
      const step = steps.next()
      if (step.done) reply({ id, value: step.value })
      else running.set(id, steps)
    } catch (error) {
      reply({ id, failure: toFailure(error) })
    }
  }
}
