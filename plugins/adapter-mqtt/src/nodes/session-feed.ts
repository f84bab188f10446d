import type { BrokerSession } from '../broker-session.ts'
import type { StoredOutgoing } from '../persistence/outgoing-rows.ts'
import { toEntries, type StreamEntry } from './answers.ts'
import { unpackMessage } from './message-bytes.ts'

/** Messages that are read of a queue at once. */
const pageSize = 64

/** Reads on in the shared queue of a session that is here, as its client takes what was read before. */
export class SessionFeed {
  readonly #session: BrokerSession
  readonly #read: (from: string, count: number) => Promise<unknown>
  readonly #onFailure: (error: unknown) => void
  #place: string
  #isReading = false
  /** Something came, or may have come, since the last read began. */
  #mayHaveMore = true

  constructor(
    session: BrokerSession,
    place: string,
    read: (from: string, count: number) => Promise<unknown>,
    onFailure: (error: unknown) => void,
  ) {
    this.#session = session
    this.#place = place
    this.#read = read
    this.#onFailure = onFailure
    session.outbound.onHungry = () => {
      if (this.#mayHaveMore && !this.#isReading) void this.#pull()
    }
  }

  isOf(session: BrokerSession): boolean {
    return this.#session === session
  }

  /** Something was put into the queue, or it is not known whether. */
  wake(): void {
    this.#mayHaveMore = true
    if (!this.#isReading) void this.#pull()
  }

  async #pull(): Promise<void> {
    const { outbound } = this.#session
    this.#isReading = true
    try {
      while (this.#mayHaveMore && outbound.isHungry) {
        this.#mayHaveMore = false
        const entries = toEntries(await this.#read(this.#place, pageSize))
        const last = entries.at(-1)
        if (last === undefined) continue
        this.#place = last.id
        if (entries.length === pageSize) this.#mayHaveMore = true
        outbound.take(entries.map((entry) => toStored(entry, 0, false)))
      }
    } catch (error) {
      this.#mayHaveMore = true
      this.#onFailure(error)
    } finally {
      this.#isReading = false
    }
  }
}

export function toStored({ id, fields }: StreamEntry, messageId: number, released: boolean): StoredOutgoing {
  const { message, qos, retain, identifiers } = unpackMessage(fields.get('m') ?? Buffer.alloc(4))
  return { seq: Number.parseInt(id, 10), message, qos, retain, identifiers, messageId, released }
}
