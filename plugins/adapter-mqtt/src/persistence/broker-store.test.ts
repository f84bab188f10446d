import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toMessage } from '../message.ts'
import { BrokerStore } from './broker-store.ts'

let folder: string
let files = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-mqtt-store-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const open = (path = join(folder, `${files++}.sqlite`)) =>
  BrokerStore.open({
    path,
    durability: 'relaxed',
    onFailure: (error) => {
      throw error
    },
  })

const client = 'device/a/x'
const properties = { correlationData: Buffer.from([1, 2]), userProperties: [['k', '1'] as const, ['k', '2'] as const] }
const message = toMessage('a/b', Buffer.from('hello'), 2, false, properties, 'device/b/y')
const queued = { message, qos: 2 as const, retain: false, identifiers: [7], messageId: 0, released: false }

describe('a broker’s store that is opened again', () => {
  it('has sessions, subscriptions, queues, identifiers, retained values and wills as they were', async () => {
    const path = join(folder, 'again.sqlite')
    const { store: first } = await open(path)
    first.sessions.connected(client, 60)
    const subscription = { name: '$share/g/a/#', qos: 1, noLocal: false, retainAsPublished: true } as const
    await first.subscriptions.add(client, { ...subscription, identifier: 7, byProvider: false })
    for (const seq of [1, 2, 3]) await first.outgoing.add(client, { ...queued, seq })
    await first.outgoing.number(client, 1, 9)
    await first.outgoing.number(client, 2, 10)
    await first.outgoing.release(client, 2)
    await first.incoming.remember({ id: client }, 77)
    await first.retained.store(toMessage('a/b', Buffer.from('kept'), 1, true, properties, client))
    const will = await first.wills.put(client, { topic: 'gone', payload: Buffer.from('w'), qos: 1, retain: true })
    first.wills.time(will, 123)
    await first.close()

    const { store: second, left } = await open(path)
    expect(second.hasSession(client)).toBe(true)
    expect(left.subscriptions).toEqual([{ client, stored: { ...subscription, identifier: 7, byProvider: false } }])
    expect(left.outgoing).toMatchObject([
      { client, stored: { seq: 1, messageId: 9, released: false, qos: 2, identifiers: [7] } },
      { client, stored: { seq: 2, messageId: 10, released: true } },
      { client, stored: { seq: 3, messageId: 0 } },
    ])
    expect(left.outgoing[0]?.stored.message).toMatchObject({ topic: 'a/b', payload: Buffer.from('hello'), properties })
    expect(second.outgoing.nextSeq()).toBe(4)
    expect(second.incoming.has({ id: client }, 77)).toBe(true)
    expect(second.incoming.has({ id: client, clean: true }, 77)).toBe(false)
    expect(Array.from(second.retained.matching('a/+'))).toMatchObject([{ topic: 'a/b', retain: true, properties }])
    expect(second.retained.wouldExceed('device/a', 'a/c', 1)).toBe(true)
    expect(second.wills.all()).toMatchObject([{ client, dueAtMs: 123, will: { topic: 'gone', qos: 1 } }])
    await second.endSession(client)
    await second.close()

    const { store: third, left: nothing } = await open(path)
    expect(third.hasSession(client)).toBe(false)
    expect(nothing).toEqual({ subscriptions: [], outgoing: [] })
    expect(third.incoming.has({ id: client }, 77)).toBe(false)
    await third.close()
  })

  it('commits many changes in few transactions', async () => {
    const path = join(folder, 'many.sqlite')
    const { store } = await open(path)
    store.sessions.connected(client, 60)
    const began = performance.now()
    await Promise.all(
      Array.from({ length: 2_000 }, () => store.outgoing.add(client, { ...queued, seq: store.outgoing.nextSeq() })),
    )
    console.log(`2,000 queued messages durable in ${(performance.now() - began).toFixed(1)} ms`)
    await store.close()
    const { store: again, left } = await open(path)
    expect(left.outgoing).toHaveLength(2_000)
    await again.close()
  })

  it('does not give out a retained value whose time is over', async () => {
    const { store } = await open()
    const gone = { ...toMessage('a/gone', Buffer.from('x'), 1, true, undefined, client), expiresAtMs: Date.now() - 1 }
    await store.retained.store(gone)
    expect(Array.from(store.retained.matching('a/#'))).toEqual([])
    expect(Array.from(store.retained.matching('a/gone'))).toEqual([])
    await store.close()
  })
})
