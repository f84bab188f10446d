import { numberOf, textOf, type Row } from './row.ts'
import type { Writer } from './writer.ts'

/** A session; only one that ends with its connection says `clean: true`. */
export interface ClientRef {
  id: string
  clean?: boolean
}

/**
 * Packet identifiers of QoS 2 messages that were taken and not yet released. They end with the session: those of a session that ends
 * with its connection are kept by the connection, so that a new one that uses the same number is not taken for a repeat.
 */
export class IncomingIds {
  readonly #writer: Writer
  readonly #kept = new Map<string, Set<number>>()
  readonly #ofConnection = new WeakMap<ClientRef, Set<number>>()

  constructor(writer: Writer) {
    this.#writer = writer
  }

  load(rows: readonly Row[]): void {
    for (const row of rows) this.#idsOf({ id: textOf(row, 'client') }).add(numberOf(row, 'message_id'))
  }

  /** The session has come from another node. */
  adopt(client: string, messageIds: readonly number[]): void {
    this.#kept.delete(client)
    for (const messageId of messageIds) this.#idsOf({ id: client }).add(messageId)
  }

  /** The session has gone to another node. */
  drop(client: string): void {
    this.#kept.delete(client)
  }

  has(client: ClientRef, messageId: number): boolean {
    const ids = client.clean === true ? this.#ofConnection.get(client) : this.#kept.get(client.id)
    return ids?.has(messageId) ?? false
  }

  countOf(client: ClientRef): number {
    const ids = client.clean === true ? this.#ofConnection.get(client) : this.#kept.get(client.id)
    return ids?.size ?? 0
  }

  /** Resolves when the identifier would be known after a crash. */
  remember(client: ClientRef, messageId: number): Promise<void> | undefined {
    this.#idsOf(client).add(messageId)
    return client.clean === true ? undefined : this.#writer.write('remember', client.id, messageId)
  }

  /** Durable before the PUBCOMP: an identifier that came back would swallow the next message that uses it. */
  forget(client: ClientRef, messageId: number): Promise<void> | undefined {
    const ids = this.#idsOf(client)
    if (!ids.delete(messageId) || client.clean === true) return undefined
    if (ids.size === 0) this.#kept.delete(client.id)
    return this.#writer.write('forget', client.id, messageId)
  }

  async forgetAll(client: string): Promise<void> {
    if (!this.#kept.delete(client)) return
    await this.#writer.write('forgetAll', client)
  }

  #idsOf(client: ClientRef): Set<number> {
    const clean = client.clean === true
    let ids = clean ? this.#ofConnection.get(client) : this.#kept.get(client.id)
    if (ids === undefined) {
      ids = new Set()
      if (clean) this.#ofConnection.set(client, ids)
      else this.#kept.set(client.id, ids)
    }
    return ids
  }
}
