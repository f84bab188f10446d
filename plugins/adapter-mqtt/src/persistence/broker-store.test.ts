import assert from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
    onDropped: () => undefined,
  })

describe('aedes-persistence’s own suite', () => {
  const suite = createRequire(import.meta.url)('aedes-persistence/abstract.js')
  suite({
    test: (name: string, body: (t: unknown) => Promise<void>) =>
      // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- names and assertions are the suite's own
      it(name, () => body({ assert, plan: () => undefined, diagnostic: () => undefined })),
    persistence: open,
    buildEmitter: () => ({ emit: () => undefined, on: () => undefined, removeListener: () => undefined }),
    testAsync: true,
  })
})

describe('a broker’s store that is opened again', () => {
  it('has sessions, subscriptions, queues, identifiers, retained values and wills as they were', async () => {
    const path = join(folder, 'again.sqlite')
    const first = await open(path)
    await first.setup({ id: 'first' })
    const client = { id: 'device/a/x', clean: false }
    first.sessions.connected(client.id, 60)
    await first.addSubscriptions(client, [{ topic: 'a/#', qos: 1, nl: false, subscriptionIdentifier: 7 }])
    const packet = {
      cmd: 'publish',
      topic: 'a/b',
      payload: Buffer.from('hello'),
      qos: 2 as const,
      retain: false,
      brokerId: 'first',
      brokerCounter: 3,
      properties: { correlationData: Buffer.from([1, 2]), userProperties: { k: ['1', '2'] } },
    }
    await first.outgoingEnqueueCombi(await first.subscriptionsByTopic('a/b'), packet)
    await first.outgoingUpdate(client, { ...packet, messageId: 9 })
    await first.incoming.remember(client, 77)
    await first.storeRetained({ ...packet, retain: true, clientId: client.id })
    await first.putWill(client, { topic: 'gone', payload: Buffer.from('w'), qos: 1, retain: true })
    await first.destroy()

    const second = await open(path)
    expect(second.hasSession(client.id)).toBe(true)
    expect(await second.subscriptionsByClient(client)).toMatchObject([
      { topic: 'a/#', qos: 1, nl: false, subscriptionIdentifier: 7 },
    ])
    expect(second.outgoing.snapshot(client.id)).toMatchObject([
      { topic: 'a/b', payload: Buffer.from('hello'), qos: 1, messageId: 9, dup: true, properties: packet.properties },
    ])
    expect(second.outgoing.isInUse(client.id, 9)).toBe(true)
    expect(second.incoming.has(client, 77)).toBe(true)
    expect(Array.from(second.retained.matching('a/+'))).toMatchObject([{ topic: 'a/b', retain: true }])
    expect(second.retained.wouldExceed('device/a', 'a/c', 1)).toBe(true)
    expect(second.wills.all()).toMatchObject([{ topic: 'gone', brokerId: 'first', clientId: client.id, qos: 1 }])
    await second.endSession(client.id)
    await second.destroy()

    const third = await open(path)
    expect(third.hasSession(client.id)).toBe(false)
    expect(third.outgoing.snapshot(client.id)).toEqual([])
    expect(third.incoming.has(client, 77)).toBe(false)
    await third.destroy()
  })

  it('commits many changes in few transactions', async () => {
    const store = await open()
    const began = performance.now()
    await Promise.all(
      Array.from({ length: 2_000 }, (_, at) =>
        store.outgoingEnqueue(
          { clientId: `device/${at % 50}/x` },
          {
            cmd: 'publish',
            topic: 't',
            payload: Buffer.from('x'),
            qos: 1,
            retain: false,
            brokerId: 'b',
            brokerCounter: at,
          },
        ),
      ),
    )
    expect(store.outgoing.snapshot('device/7/x')).toHaveLength(40)
    console.log(`2,000 queued messages durable in ${(performance.now() - began).toFixed(1)} ms`)
    await store.destroy()
  })
})
