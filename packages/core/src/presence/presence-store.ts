import type { Clock } from '../clock.ts'
import type { Body, RegistryStore, Stored } from '../registry/port.ts'
import { createEntry, type PresenceEntry } from './presence-entry.ts'

const pageSize = 1000
/** Entries written at once. */
export const maxPresenceBatch = 1000
/** After a write that failed, the next try. */
export const presenceRetryMs = 1000

/** Follows transitions and last signs of life into the registry: one write at a time, newest state of each device. */
export function createPresenceStore(deps: {
  registry: RegistryStore
  clock: Clock
  /** This node, where there are others. */
  node?: string | undefined
  failed?: (error: unknown) => void
}) {
  const { registry, clock } = deps
  // At most one per device, so it is as bounded as the devices are.
  const waiting = new Set<PresenceEntry>()
  let writing: Promise<void> | undefined
  let cancelRetry: (() => void) | undefined
  let flushing = false
  let closed = false

  const writeBatch = async () => {
    // Not within the transition: its hearers, and the message that caused it, come first.
    await Promise.resolve()
    const batch: { entry: PresenceEntry; seenMicros: number; body: Body }[] = []
    for (const entry of waiting) {
      if (batch.length === maxPresenceBatch) break
      waiting.delete(entry)
      batch.push({ entry, seenMicros: entry.seenMicros, body: toBody(entry, deps.node) })
    }
    if (batch.length === 0) return
    try {
      await registry.append(
        'presence',
        batch.map(({ entry, body }) => ({ id: entry.device, body })),
      )
    } catch (error) {
      for (const { entry } of batch) waiting.add(entry)
      throw error
    }
    for (const { entry, seenMicros } of batch) entry.storedSeenMicros = seenMicros
  }

  /** One batch at a time: an older state must not overtake a newer one. */
  const flush = async (): Promise<void> => {
    while (writing || waiting.size > 0) {
      writing ??= writeBatch().finally(() => {
        writing = undefined
      })
      await writing
    }
  }

  const flushLater = () => {
    if (flushing || cancelRetry || closed) return
    flushing = true
    flush()
      .catch((error: unknown) => {
        deps.failed?.(error)
        cancelRetry = clock.after(presenceRetryMs, () => {
          cancelRetry = undefined
          flushLater()
        })
      })
      .finally(() => {
        flushing = false
        if (waiting.size > 0) flushLater()
      })
  }

  return {
    save(entry: PresenceEntry) {
      waiting.add(entry)
      flushLater()
    },
    drop(entry: PresenceEntry) {
      waiting.delete(entry)
    },
    flush,
    async close() {
      closed = true
      cancelRetry?.()
      await flush()
    },
  }
}

const toIso = (micros: number) => new Date(micros / 1000).toISOString()
const toMicros = (value: unknown) => (typeof value === 'string' ? Date.parse(value) * 1000 || 0 : 0)

const toBody = (entry: PresenceEntry, node: string | undefined): Body => ({
  ...(node === undefined ? {} : { node }),
  device: entry.device,
  status: entry.status,
  since: toIso(entry.sinceMicros),
  // Online by a session that a restart ends, and not by requests.
  ...(entry.sessions > 0 || entry.closedMs >= 0 ? { connected: true } : {}),
  ...(entry.seenMicros > 0 ? { lastSeenAt: toIso(entry.seenMicros) } : {}),
})

function toEntry({ id, body }: Pick<Stored, 'id' | 'body'>): PresenceEntry | undefined {
  if (body['status'] !== 'online' && body['status'] !== 'offline') return undefined
  const entry = createEntry(id)
  entry.status = body['status']
  entry.sinceMicros = toMicros(body['since'])
  entry.seenMicros = toMicros(body['lastSeenAt'])
  entry.storedSeenMicros = entry.seenMicros
  entry.wasConnected = body['connected'] === true
  entry.node = typeof body['node'] === 'string' ? body['node'] : undefined
  return entry
}

export async function readOne(registry: RegistryStore, id: string): Promise<PresenceEntry | undefined> {
  const stored = await registry.get('presence', id)
  return stored && toEntry(stored)
}

export async function* readPresence(registry: RegistryStore): AsyncGenerator<PresenceEntry> {
  let cursor: string | undefined
  do {
    const page = await registry.list('presence', { limit: pageSize, ...(cursor ? { cursor } : {}) })
    for (const stored of page.items) {
      const entry = toEntry(stored)
      if (entry) yield entry
    }
    cursor = page.nextCursor
  } while (cursor)
}
