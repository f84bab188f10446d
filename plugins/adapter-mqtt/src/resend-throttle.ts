import { createHash } from 'node:crypto'

/** A message refused this often within the window is being sent again and again. */
const maxRefusals = 4
const windowMs = 60_000
const firstWaitMs = 1_000
const maxWaitMs = 60_000
const maxClients = 10_000

interface Record {
  fingerprint: string
  times: number[]
  waitMs: number
  untilMs: number
}

/**
 * 3.1.1 has no words for a refused message, so a client that resends it on every connection never learns. From its fifth refusal
 * within a minute the client is kept out for a growing while.
 */
export class ResendThrottle {
  readonly #byClient = new Map<string, Record>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs
  }

  /** True when this refusal starts a wait. */
  refused(client: string, topic: string, payload: Uint8Array): boolean {
    const nowMs = this.#nowMs()
    const fingerprint = createHash('sha256').update(topic).update('\0').update(payload).digest('base64')
    let record = this.#byClient.get(client)
    // the time spent waiting does not count: who comes back with the same message at once waits longer
    const isOver = record !== undefined && record.waitMs > 0 && nowMs - record.untilMs > windowMs
    if (record === undefined || isOver || record.fingerprint !== fingerprint) record = this.#begin(client, fingerprint)
    record.times = record.times.filter((time) => nowMs - time < windowMs)
    record.times.push(nowMs)
    if (record.waitMs === 0 && record.times.length <= maxRefusals) return false
    record.waitMs = Math.min(maxWaitMs, record.waitMs === 0 ? firstWaitMs : record.waitMs * 2)
    record.untilMs = nowMs + record.waitMs
    return true
  }

  #begin(client: string, fingerprint: string): Record {
    this.#byClient.delete(client)
    const oldest = this.#byClient.size >= maxClients ? this.#byClient.keys().next().value : undefined
    if (oldest !== undefined) this.#byClient.delete(oldest)
    const record: Record = { fingerprint, times: [], waitMs: 0, untilMs: 0 }
    this.#byClient.set(client, record)
    return record
  }

  /** How long the client must still stay away; 0 = it may come. */
  waitMs(client: string): number {
    const record = this.#byClient.get(client)
    return record === undefined ? 0 : Math.max(0, record.untilMs - this.#nowMs())
  }
}
