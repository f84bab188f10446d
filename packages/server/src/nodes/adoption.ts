import type { Clock } from '@patchbay/core/clock'
import { createTicker } from '@patchbay/core/ticker'
import type { Log } from '@patchbay/sdk'
import type { Nodes } from './nodes.ts'

const LOOK_MS = 1_000
/** A node that left by itself may come back at once; one that was declared gone is looked after without waiting. */
const LEFT_MS = 10 * 60_000

export const writerLease = (writer: string): string => `writer/${writer}`

/** Looks after the logs of nodes that are gone: one that comes back waits until nobody does. */
export function createAdoption(deps: {
  nodes: Nodes
  clock: Clock
  /** Names of all who ever wrote. */
  writers: () => readonly string[]
  adopt(writer: string, stop: () => boolean): Promise<void>
  log: Log
}): { close(): Promise<void> } {
  const { nodes, clock, log } = deps
  const { membership, leases } = nodes
  /** By writer, the life that was looked after; of one that left, when it was missed first. */
  const done = new Map<string, string>()
  const missedMs = new Map<string, number>()
  let closed = false
  let working: Promise<void> | undefined

  async function lookAfter(writer: string): Promise<void> {
    if (!(await leases.acquire(writerLease(writer)))) return
    try {
      const isBack = () => membership.nodes().some(({ id, record }) => id === writer && !record.gone)
      await deps.adopt(writer, () => closed || isBack() || !membership.isSure())
      log.info('the log of a node that is gone was brought to its end', { node: writer })
    } finally {
      await leases.release(writerLease(writer))
    }
  }

  async function look(): Promise<void> {
    if (!nodes.hasWork()) return
    const known = new Map(membership.nodes().map(({ id, record }) => [id, record]))
    for (const writer of deps.writers()) {
      const record = known.get(writer)
      if (record && !record.gone) {
        done.delete(writer)
        missedMs.delete(writer)
        continue
      }
      const life = record?.session ?? 'left'
      if (done.get(writer) === life || closed) continue
      if (!record) {
        const since = missedMs.get(writer) ?? clock.monotonicMs()
        missedMs.set(writer, since)
        if (clock.monotonicMs() - since < LEFT_MS) continue
      }
      await lookAfter(writer)
      done.set(writer, life)
    }
  }

  const ticker = createTicker(
    clock,
    LOOK_MS,
    () => (working = look()),
    (err) => log.warn('the log of a node that is gone could not be brought to its end; it is tried again', { err }),
  )
  ticker.start()
  return {
    async close() {
      closed = true
      ticker.stop()
      await working?.catch(() => undefined)
    },
  }
}
