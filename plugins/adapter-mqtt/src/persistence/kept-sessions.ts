import { ownerOf } from '../client-name.ts'
import { numberOf, optionalNumberOf, textOf, type Row } from './row.ts'
import type { Writer } from './writer.ts'

interface KeptSession {
  keepSeconds: number
  /** Undefined while the client is connected. */
  expiresAtMs: number | undefined
}

/** Which sessions outlive their connection, and until when: known after a restart too. */
export class KeptSessions {
  readonly #writer: Writer
  readonly #byClient = new Map<string, KeptSession>()
  readonly #countByOwner = new Map<string, number>()

  constructor(writer: Writer) {
    this.#writer = writer
  }

  /** Sessions that were connected when the process ended are counted from now on. */
  load(rows: readonly Row[], nowMs: number): void {
    for (const row of rows) {
      const client = textOf(row, 'client')
      const keepSeconds = numberOf(row, 'keep_seconds')
      const stored = optionalNumberOf(row, 'expires_at_ms')
      this.#put(client, { keepSeconds, expiresAtMs: stored ?? nowMs + keepSeconds * 1000 })
      if (stored === undefined) this.#writer.note('keepSession', client, keepSeconds, nowMs + keepSeconds * 1000)
    }
  }

  has(client: string, nowMs: number): boolean {
    const session = this.#byClient.get(client)
    return session !== undefined && !isExpired(session, nowMs)
  }

  countOf(owner: string): number {
    return this.#countByOwner.get(owner) ?? 0
  }

  connected(client: string, keepSeconds: number): void {
    this.#put(client, { keepSeconds, expiresAtMs: undefined })
    this.#writer.note('keepSession', client, keepSeconds, null)
  }

  left(client: string, keepSeconds: number, nowMs: number): void {
    const expiresAtMs = nowMs + keepSeconds * 1000
    this.#put(client, { keepSeconds, expiresAtMs })
    this.#writer.note('keepSession', client, keepSeconds, expiresAtMs)
  }

  /** Another node says so. */
  follow(client: string, keepSeconds: number, expiresAtMs: number | undefined): void {
    this.#put(client, { keepSeconds, expiresAtMs })
  }

  /** Another node has ended it. */
  forget(client: string): void {
    if (!this.#byClient.delete(client)) return
    const owner = ownerOf(client)
    const count = this.countOf(owner) - 1
    if (count > 0) this.#countByOwner.set(owner, count)
    else this.#countByOwner.delete(owner)
  }

  async end(client: string): Promise<void> {
    if (!this.#byClient.has(client)) return
    this.forget(client)
    await this.#writer.write('endSession', client)
  }

  expired(nowMs: number): string[] {
    return Array.from(this.#byClient)
      .filter(([, session]) => isExpired(session, nowMs))
      .map(([client]) => client)
  }

  names(): string[] {
    return Array.from(this.#byClient.keys())
  }

  #put(client: string, session: KeptSession): void {
    if (!this.#byClient.has(client)) {
      const owner = ownerOf(client)
      this.#countByOwner.set(owner, this.countOf(owner) + 1)
    }
    this.#byClient.set(client, session)
  }
}

const isExpired = (session: KeptSession, nowMs: number) =>
  session.expiresAtMs !== undefined && session.expiresAtMs <= nowMs
