import { randomBytes } from 'node:crypto'
import type { Refusal } from '@patchbay/contracts/access'
import type { Clock } from '../clock.ts'
import type { RegistryStore } from '../registry/port.ts'
import type { NewRefusal, RefusalRecorder } from './port.ts'

/** Refusals kept in the store; the oldest go first. */
export const maxRefusals = 20_000
/** Different refusals held in memory; while the store cannot take them, more are only counted. */
export const maxBufferedRefusals = 2000
export const refusalFlushMs = 500
/** Within this the same refusal is counted, not repeated. */
export const refusalRepeatMs = 1000
/** Trimming looks at the whole collection, so it waits for this many. */
const trimEvery = 1000
const longest = { device: 128, address: 64, clientId: 256, topic: 512, detail: 500 }

interface Entry {
  id: string
  body: Omit<Refusal, 'id'>
  sinceMs: number
  dirty: boolean
}

export interface RefusalLog extends RefusalRecorder {
  list(query: {
    device?: string
    action?: string
    code?: string
    limit: number
    cursor?: string
  }): Promise<{ items: Refusal[]; nextCursor?: string }>
  /** Writes what is buffered; rejects when the store cannot take it (it stays buffered then). */
  flush(): Promise<void>
  close(): Promise<void>
  /** Since the start: refusals recorded, and those that found the buffer full. */
  readonly recorded: number
  readonly dropped: number
}

/** Keeps who was refused, when and why. Recording is a matter of memory; the store gets it in batches. */
export function createRefusalLog(deps: {
  registry: RegistryStore
  clock: Clock
  /** Told when a batch could not be written; it is tried again. */
  failed?: (error: unknown) => void
  /** Told of each, at once. */
  heard?: (refusal: NewRefusal) => void
}): RefusalLog {
  const { registry, clock } = deps
  const entries = new Map<string, Entry>()
  // Two starts with the clock set back between them must not share ids.
  const run = randomBytes(3).toString('hex')
  let lastMicros = 0
  let sinceTrim = trimEvery
  let recorded = 0
  let dropped = 0
  let cancelTimer: (() => void) | undefined
  let writing = Promise.resolve()
  let closed = false

  const arm = () => {
    if (closed || cancelTimer || entries.size === 0) return
    cancelTimer = clock.after(refusalFlushMs, () => {
      cancelTimer = undefined
      flush()
        .catch((error: unknown) => deps.failed?.(error))
        .finally(arm)
    })
  }

  const write = async () => {
    const batch = [...entries.values()].filter((entry) => entry.dirty)
    if (batch.length > 0) {
      for (const entry of batch) entry.dirty = false
      try {
        await registry.append(
          'refusals',
          batch.map(({ id, body }) => ({ id, body: { ...body } })),
        )
      } catch (error) {
        for (const entry of batch) entry.dirty = true
        throw error
      }
      sinceTrim += batch.length
    }
    const now = clock.monotonicMs()
    for (const [key, entry] of entries) {
      if (!entry.dirty && now - entry.sinceMs >= refusalRepeatMs) entries.delete(key)
    }
    if (sinceTrim >= trimEvery) {
      await registry.trim('refusals', maxRefusals)
      sinceTrim = 0
    }
  }

  /** One write at a time: a later count of the same refusal must not be overtaken by an earlier one. */
  const flush = (): Promise<void> => {
    const next = writing.then(write)
    writing = next.catch(() => {
      // Reported to whoever called flush; the next write only has to wait for its end.
    })
    return next
  }

  return {
    record(refusal) {
      recorded++
      deps.heard?.(refusal)
      const now = clock.monotonicMs()
      const topic = clip(refusal.topic, longest.topic)
      const device = clip(refusal.device, longest.device)
      const key = `${refusal.code}\0${refusal.action}\0${refusal.protocol}\0${refusal.address}\0${device ?? ''}\0${topic ?? ''}`
      const same = entries.get(key)
      if (same && now - same.sinceMs < refusalRepeatMs) {
        same.body.count++
        same.dirty = true
        return
      }
      if (entries.size >= maxBufferedRefusals && !(same && !same.dirty)) {
        dropped++
        return
      }
      lastMicros = Math.max(lastMicros + 1, clock.nowMicros())
      const clientId = clip(refusal.clientId, longest.clientId)
      const body: Omit<Refusal, 'id'> = {
        at: new Date(lastMicros / 1000).toISOString(),
        protocol: refusal.protocol,
        address: clip(refusal.address, longest.address) ?? '',
        action: refusal.action,
        step: refusal.step,
        code: refusal.code,
        detail: clip(refusal.detail, longest.detail) ?? '',
        count: 1,
        ...(device === undefined ? {} : { device }),
        ...(clientId === undefined ? {} : { clientId }),
        ...(topic === undefined ? {} : { topic }),
        ...(refusal.rule === undefined ? {} : { rule: refusal.rule }),
      }
      // Sixteen digits reach to the year 2286, so ids sort by time.
      const id = `${String(lastMicros).padStart(16, '0')}-${run}`
      // A dirty one of the same key must still be written under its own id, so it moves out of the way.
      if (same?.dirty) entries.set(`${key}\0${same.id}`, same)
      entries.set(key, { id, body, sinceMs: now, dirty: true })
      arm()
    },
    async list({ device, action, code, limit, cursor }) {
      await flush()
      const page = await registry.list<Omit<Refusal, 'id'>>('refusals', {
        where: {
          ...(device === undefined ? {} : { device }),
          ...(action === undefined ? {} : { action }),
          ...(code === undefined ? {} : { code }),
        },
        sort: { by: 'id', descending: true },
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      })
      const items = page.items.map(({ id, body }) => ({ ...body, id }))
      return { items, ...(page.nextCursor ? { nextCursor: page.nextCursor } : {}) }
    },
    flush,
    async close() {
      closed = true
      cancelTimer?.()
      await flush()
    },
    get recorded() {
      return recorded
    },
    get dropped() {
      return dropped
    },
  }
}

/** What a client sent may be long, and may hold half a character. */
function clip(text: string | undefined, length: number): string | undefined {
  return text === undefined ? undefined : text.slice(0, length).toWellFormed()
}
