import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { toMessage } from './message.ts'
import type { Link } from './outbound-entry.ts'
import { maxQueuedBytes, OutboundQueue } from './outbound-queue.ts'
import { BrokerStore } from './persistence/broker-store.ts'

let folder: string
let store: BrokerStore

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-mqtt-queue-'))
  const onFailure = (error: Error) => {
    throw error
  }
  ;({ store } = await BrokerStore.open({ path: join(folder, 'queue.sqlite'), durability: 'full', onFailure }))
})
afterAll(async () => {
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

const client = 'device/a/x'
const messageOf = (payload: string | Buffer) =>
  toMessage('a/b', Buffer.from(payload), 2, false, undefined, 'device/b/y')

/** What a connection was sent, by the packet type of the first byte. */
const makeLink = () => {
  const types: number[] = []
  const link: Link = {
    version: 4,
    receiveMaximum: 65_535,
    maximumPacketSize: 1e9,
    topicAliasMaximum: 0,
    backlogBytes: 0,
    send: (bytes) => void types.push((bytes[0] ?? 0) >> 4),
    mayReceive: () => true,
    aliasOf: () => undefined,
    keepAlias: () => undefined,
    tooSlow: () => undefined,
  }
  return { link, types }
}
const publish = 3
const pubrel = 6

describe('the queue of a session', () => {
  it('sends no PUBREL before the release is on disk, on the connection that comes next either', async () => {
    const queue = new OutboundQueue(client, store.outgoing, () => undefined)
    const [first, second] = [makeLink(), makeLink()]
    queue.attach(first.link)
    void queue.add(messageOf('x'), 2, false, undefined, true)
    await vi.waitFor(() => expect(first.types).toEqual([publish]))
    queue.receive(1, 0)
    queue.receive(1, 0)
    queue.detach()
    queue.attach(second.link)
    expect([first.types, second.types]).toEqual([[publish], []])
    await vi.waitFor(() => expect(second.types).toContain(pubrel))
    expect(second.types).not.toContain(publish)
    expect(first.types).toEqual([publish])
  })

  it('is full of many small messages as of few large ones', () => {
    for (const payload of ['', 'x'.repeat(100_000)]) {
      const dropped: string[] = []
      const queue = new OutboundQueue(client, store.outgoing, (topic) => void dropped.push(topic))
      const message = messageOf(payload)
      let added = 0
      for (; dropped.length === 0 && added < 1e6; added++) void queue.add(message, 1, false, undefined, false)
      expect(added * payload.length).toBeLessThan(maxQueuedBytes + payload.length)
      expect(added).toBeLessThan(60_000)
      expect(queue.waiting).toBe(added - 1)
    }
  })

  it('keeps of each waiting message its own bytes, not the pool that they were cut from', () => {
    for (const durable of [false, true]) {
      const queue = new OutboundQueue(client, store.outgoing, () => undefined)
      const message = messageOf('21.5')
      expect(message.payload.buffer.byteLength).toBeGreaterThan(4)
      void queue.add(message, 1, false, undefined, durable)
      expect([String(message.payload), message.payload.buffer.byteLength]).toEqual(['21.5', 4])
    }
  })

  it('keeps so what was sent and not acknowledged, once the connection is gone', async () => {
    const queue = new OutboundQueue(client, store.outgoing, () => undefined)
    const { link, types } = makeLink()
    queue.attach(link)
    const message = messageOf('21.5')
    void queue.add(message, 1, false, undefined, false)
    await vi.waitFor(() => expect(types).toEqual([publish]))
    queue.detach()
    expect(message.payload.buffer.byteLength).toBe(4)
  })
})
