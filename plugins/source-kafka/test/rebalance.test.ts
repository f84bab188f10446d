import { createFakeSessions, numbersOf, startPlugin, toRemoteMessages } from '@patchbay/testkit'
import { expect, test, vi } from 'vitest'
import plugin from '../src/index.ts'
import { kafkaBrokers, openKafkaRemote } from './kafka-remote.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const skipped = kafkaBrokers === undefined ? ', skipped, no KAFKA_BROKERS' : ''
const withinMs = 20_000

test.skipIf(kafkaBrokers === undefined)(
  `members come and go, and between them nothing is missing${skipped}`,
  { timeout: 90_000 },
  async () => {
    const remote = await openKafkaRemote()
    const sessions = [createFakeSessions(), createFakeSessions()] as const
    const numbers = (of: 0 | 1): number[] => [...numbersOf(sessions[of].published).values()].flat()
    const all = (): number => new Set([...numbers(0), ...numbers(1)]).size
    const first = await startPlugin(plugin, { manifest, config: remote.config(), sessions: sessions[0] })
    await remote.send(toRemoteMessages(1000))
    await vi.waitFor(() => expect(all()).toBe(1000), withinMs)
    const second = await startPlugin(plugin, { manifest, config: remote.config(), sessions: sessions[1] })
    let sent = 1000
    // Until both have a part of it: each message is sent while the partitions are given anew.
    await vi.waitFor(
      async () => {
        await remote.send(toRemoteMessages(100, sent))
        sent += 100
        expect(numbers(1).length).toBeGreaterThan(0)
      },
      { timeout: withinMs, interval: 100 },
    )
    await remote.send(toRemoteMessages(500, sent))
    sent += 500
    // It sees the handles of the second one and takes them for its own.
    await first.stop().catch(() => undefined)
    await remote.send(toRemoteMessages(500, sent))
    sent += 500
    await vi.waitFor(() => expect(all()).toBe(sent), withinMs)
    await vi.waitFor(async () => expect(await remote.waiting()).toBe(0), withinMs)
    await second.stop()
    console.log(`kafka rebalance: ${sent} sent, missing 0, twice ${numbers(0).length + numbers(1).length - sent}`)
    await remote.close()
  },
)
