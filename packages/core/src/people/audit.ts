import type { AuditEntry } from '@patchbay/contracts/person'
import type { Clock } from '../clock.ts'
import type { Body, RegistryStore, Stored } from '../registry/port.ts'
import { chainHash } from './audit-chain.ts'
import { maskSecrets } from './audit-mask.ts'
import { AuditOverflow } from './audit-overflow.ts'
import { createAuditCheck, type AuditVerdict } from './audit-check.ts'
import { toEntry, headId, chainStart } from './audit-record.ts'

/** Entries that may wait to be written; above it writes are refused (`isFull`). */
const maxWaiting = 1_000
const maxBatch = 100
const retryMs = 1_000

export type AuditEvent = Omit<AuditEntry, 'id' | 'at' | 'hash'>

export interface Audit {
  /**
   * Queues an entry; its `changes` are masked at once. Resolves when it is durable. When the store does not take it, it resolves at once: it
   * stays queued and is tried again, and changes are refused before too many wait.
   */
  record(event: AuditEvent): Promise<void>
  /** Too many entries wait: nothing that must be audited may be done now. */
  isFull(): boolean
  list(query: {
    limit: number
    cursor?: string
    where?: Record<string, string>
  }): Promise<{ items: AuditEntry[]; nextCursor?: string }>
  verify(): Promise<AuditVerdict>
  /** Deletes what is older; the chain is then checked from the first that is left. Answers how many went. */
  prune(beforeIso: string): Promise<number>
  /** Resolves when everything recorded so far is durable. */
  flush(): Promise<void>
  /** Writes what waits, once more at most. */
  close(): Promise<void>
}

interface AuditOptions {
  registry: RegistryStore
  clock: Clock
  /** The store did not take entries; they are tried again. */
  onError: (error: unknown) => void
  /** Others write the same chain: runs work while none of them does. */
  alone?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined
}

/** Microseconds in 16 digits, then a number: ids sort by time and never repeat, even when the clock is set back. */
const idOf = (micros: number, sequence: number): string =>
  `${String(micros).padStart(16, '0')}-${String(sequence).padStart(10, '0')}`

export const createAudit = ({ registry, clock, onError, alone }: AuditOptions): Audit => {
  let waiting: { event: AuditEvent; atMicros: number; settle(): void }[] = []
  let head: { hash: string; sequence: number; micros: number } | undefined
  let writing: Promise<void> | undefined
  let cancelRetry: (() => void) | undefined
  const isClosed = { value: false }

  const readHead = async () => {
    const { items } = await registry.list('audit', { sort: { by: 'id', descending: true }, limit: 1 })
    const last = items[0]
    if (!last) {
      const start = await chainStart(registry)
      return { hash: start.previous, sequence: start.sequence - 1, micros: 0 }
    }
    const [micros = '0', sequence = '0'] = last.id.split('-')
    return { hash: toEntry(last).hash, sequence: Number(sequence), micros: Number(micros) }
  }
  const writeBatch = async (): Promise<void> => {
    head ??= await readHead()
    const batch = waiting.slice(0, maxBatch)
    let { hash, sequence, micros } = head
    const documents = batch.map(({ event, atMicros }) => {
      micros = Math.max(micros, atMicros)
      sequence += 1
      const id = idOf(micros, sequence)
      const entry = { ...event, id, at: new Date(micros / 1000).toISOString() }
      const previous = hash
      hash = chainHash(entry, previous)
      const body: Body = { ...entry, previous, hash }
      return { id, body }
    })
    await registry.append('audit', documents)
    waiting = waiting.slice(batch.length)
    for (const { settle } of batch) settle()
    head = { hash, sequence, micros }
    // Second, so that a crash leaves a head that lags, never one that is missing its entry.
    await registry.put('meta', headId, { hash, id: idOf(micros, sequence) }, 'any')
  }
  const drain = async (): Promise<void> => {
    try {
      while (waiting.length > 0) {
        if (!alone) await writeBatch()
        else {
          // What the others have added meanwhile is what the chain goes on from.
          head = undefined
          await alone(writeBatch)
        }
      }
    } catch (error) {
      // It is not known what the store took: the chain goes on from what is there.
      head = undefined
      for (const { settle } of waiting) settle()
      onError(error)
      if (!isClosed.value) cancelRetry = clock.after(retryMs, start)
    } finally {
      writing = undefined
    }
  }
  const start = (): void => {
    // A drain that finds nothing would end before it is kept in `writing`.
    if (waiting.length === 0) return
    writing ??= drain()
  }
  const check = createAuditCheck(registry)
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) start()
    await writing
  }
  return {
    record(event) {
      if (waiting.length >= maxWaiting) {
        onError(new AuditOverflow(`the audit entry of ${event.action} was dropped: ${maxWaiting} wait already`))
        return Promise.resolve()
      }
      const { changes, ...rest } = event
      const masked = maskSecrets(changes)
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({
        event: { ...rest, ...(masked === undefined ? {} : { changes: masked }) },
        atMicros: clock.nowMicros(),
        settle: resolve,
      })
      start()
      return promise
    },
    // Writes that run at this moment still have to find room.
    isFull: () => waiting.length >= maxWaiting / 2,
    async list({ limit, cursor, where }) {
      const page = await registry.list('audit', {
        limit,
        ...(cursor === undefined ? {} : { cursor }),
        ...(where === undefined ? {} : { where }),
        sort: { by: 'id', descending: true },
      })
      return {
        items: page.items.map((stored: Stored) => toEntry(stored)),
        ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }),
      }
    },
    async verify() {
      await flush()
      return check.verify()
    },
    prune: (beforeIso) => check.prune(beforeIso),
    flush,
    async close() {
      isClosed.value = true
      cancelRetry?.()
      await writing
      await flush()
    },
  }
}
