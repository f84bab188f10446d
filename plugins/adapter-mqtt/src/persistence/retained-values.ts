import { ownerOf } from '../client-name.ts'
import { keepBytes, type Message } from '../message.ts'
import { packMessage } from '../nodes/message-bytes.ts'
import { matchesFilter } from '../topics.ts'
import { bytesOf, optionalNumberOf, propertiesOf, qosOf, textOf, toBlob, type Row } from './row.ts'
import type { Writer } from './writer.ts'

/** The last value of each topic that was published with the retain flag. */
export class RetainedValues {
  readonly #writer: Writer
  readonly #byTopic = new Map<string, Message>()
  readonly #countByOwner = new Map<string, number>()

  constructor(writer: Writer) {
    this.#writer = writer
  }

  load(rows: readonly Row[]): void {
    for (const row of rows) {
      this.#put({
        topic: textOf(row, 'topic'),
        payload: bytesOf(row, 'payload'),
        qos: qosOf(row, 'qos'),
        retain: true,
        properties: propertiesOf(row, 'properties'),
        expiresAtMs: optionalNumberOf(row, 'expires_at_ms'),
        from: textOf(row, 'client'),
      })
    }
  }

  /** [MQTT-3.3.1-6] an empty payload takes the value away. */
  async store(packet: Message): Promise<void> {
    if (packet.payload.length === 0) {
      await this.clear(packet.topic)
      return
    }
    if (this.#writer.shared !== undefined) {
      // it is the value here too when its turn among those of all nodes comes
      const value = packMessage({ message: packet, qos: packet.qos, retain: true, identifiers: undefined })
      return this.#writer.write('retain', packet.topic, value)
    }
    keepBytes(packet)
    this.#put(packet)
    await this.#writer.write(
      'retain',
      packet.topic,
      packet.payload,
      packet.qos,
      toBlob(packet.properties),
      packet.expiresAtMs ?? null,
      packet.from,
    )
  }

  /** False when there was none. */
  async clear(topic: string): Promise<boolean> {
    if (this.#writer.shared !== undefined) {
      const had = this.#byTopic.has(topic)
      await this.#writer.write('clearRetained', topic)
      return had
    }
    if (!this.#remove(topic)) return false
    await this.#writer.write('clearRetained', topic)
    return true
  }

  async forget(owner: string): Promise<void> {
    let durable = Promise.resolve()
    for (const [topic, packet] of this.#byTopic) {
      if (ownerOf(packet.from) !== owner) continue
      if (this.#writer.shared === undefined) this.#remove(topic)
      durable = this.#writer.write('clearRetained', topic)
    }
    await durable
  }

  /** What all nodes have agreed on; undefined: there is none. */
  follow(topic: string, value: Message | undefined): void {
    if (value === undefined) this.#remove(topic)
    else this.#put(value)
  }

  /** Whether one more value of this topic would take the owner over its limit. */
  wouldExceed(owner: string, topic: string, limit: number): boolean {
    if ((this.#countByOwner.get(owner) ?? 0) < limit) return false
    const there = this.#byTopic.get(topic)
    return there === undefined || ownerOf(there.from) !== owner
  }

  /** In order of topic. */
  matching(filter: string): Message[] {
    if (!filter.includes('+') && !filter.includes('#')) {
      const exact = this.#byTopic.get(filter)
      return exact !== undefined && this.#isAlive(exact) ? [exact] : []
    }
    const found: Message[] = []
    for (const packet of this.#byTopic.values()) {
      if (matchesFilter(filter, packet.topic) && this.#isAlive(packet)) found.push(packet)
    }
    return found.sort((a, b) => (a.topic < b.topic ? -1 : 1))
  }

  /** One page in order of topic. */
  page(query: { filter: string; after?: string; limit: number }): Message[] {
    const after = query.after
    return this.matching(query.filter)
      .filter((packet) => after === undefined || packet.topic > after)
      .slice(0, query.limit)
  }

  /** [MQTT 5, 3.3.2.3.3] an expired value is discarded where it is met. */
  #isAlive(packet: Message): boolean {
    if (packet.expiresAtMs === undefined || packet.expiresAtMs > Date.now()) return true
    // shared: a newer one may be on its way here
    if (this.#remove(packet.topic) && this.#writer.shared === undefined)
      this.#writer.note('clearRetained', packet.topic)
    return false
  }

  #put(packet: Message): void {
    this.#remove(packet.topic)
    this.#byTopic.set(packet.topic, packet)
    this.#count(packet, 1)
  }

  #remove(topic: string): boolean {
    const there = this.#byTopic.get(topic)
    if (there === undefined) return false
    this.#byTopic.delete(topic)
    this.#count(there, -1)
    return true
  }

  #count(packet: Message, by: 1 | -1): void {
    const owner = ownerOf(packet.from)
    const count = (this.#countByOwner.get(owner) ?? 0) + by
    if (count > 0) this.#countByOwner.set(owner, count)
    else this.#countByOwner.delete(owner)
  }
}
