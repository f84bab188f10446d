import { type Bridge, type Plugin, Refused } from '@patchbay/sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type StartedPlugin, startPlugin, type StartOptions } from '../start-plugin.ts'
import { type BridgeRemote, toMessages } from './bridge-remote.ts'
import { runBridge } from './sink-run.ts'

/** A try that is aborted ends within this. */
const abortMs = 2_000
const outageAnswerMs = 5_000

export interface BridgeContract<T extends BridgeRemote> {
  plugin: Plugin
  manifest: URL
  /** Its name in the manifest. */
  bridge: string
  /** The level of the suite's runs; the host's thread when left out. */
  isolation?: NonNullable<StartOptions['isolation']>
  remote(): Promise<T>
  /** Configurations, over that of the remote, that validation or setup must refuse. */
  badConfigs: readonly Record<string, unknown>[]
  /** What the remote says of configurations, over its own, that it does not let in: while the bridge runs, and to a test. */
  wrong?: readonly { config: Record<string, unknown>; says: RegExp }[]
  /** Texts of the configuration that must be in no answer and no line of the log. */
  secrets?: readonly string[]
  /** The remote carries marks: a message that has been here is dropped. */
  marks: boolean
  /** Kills of the remote while messages go out; 2, or 10 with PATCHBAY_TEST_LONG=1; 0 where it cannot go away. */
  kills?: number
  /** The remote is back within this after a start. */
  recoverMs?: number
}

const clean = { failures: [], left: [] }
const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'

/** What every bridge must do, against the real system at its other side. Call it inside a test file of the plugin. */
export function bridgeContract<T extends BridgeRemote>(contract: BridgeContract<T>): void {
  const { plugin, manifest } = contract
  const kills = contract.kills ?? (isLong ? 10 : 2)
  const recoverMs = contract.recoverMs ?? 30_000
  const longMs = { timeout: recoverMs * 3 }
  let remote: T
  let host: StartedPlugin | undefined

  const start = async (config: Record<string, unknown> = {}): Promise<StartedPlugin> =>
    (host = await startPlugin(plugin, {
      manifest,
      config: { ...remote.config(), ...config },
      ...(contract.isolation === undefined ? {} : { isolation: contract.isolation }),
    }))
  const bridgeOf = (started: StartedPlugin): Bridge => {
    const found = started.bridges.get(contract.bridge)
    if (!found)
      throw new TypeError(`The plugin does not contribute ${contract.bridge}: ${JSON.stringify(started.status)}`)
    return found
  }
  const isRunning = (started: StartedPlugin): Promise<void> =>
    vi.waitFor(() => expect(started.status.state).toBe('running'), { timeout: recoverMs })
  const textsThere = (): string[] => remote.received().map(({ bytes }) => Buffer.from(bytes).toString())
  const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n))
  /** The order in which messages came first: what came again is left out. */
  const firsts = (texts: readonly string[]): string[] => [...new Set(texts)]

  describe('bridge contract', () => {
    beforeAll(async () => {
      remote = await contract.remote()
    }, 120_000)
    afterAll(() => remote?.close(), 30_000)
    beforeEach(() => remote.wipe(), 30_000)
    afterEach(async () => {
      await host?.stop()
      host = undefined
    })

    test('is there while the plugin runs and gone when it stopped', async () => {
      const started = await start()
      await isRunning(started)
      expect(bridgeOf(started).out.length).toBeGreaterThan(0)
      expect(await started.stop()).toEqual(clean)
      expect(started.bridges.size).toBe(0)
    })

    test.for(contract.badConfigs.map((bad) => [JSON.stringify(bad), bad] as const))(
      'refuses a bad configuration: %s',
      async ([, bad]) => {
        const reached = await start(bad).then(
          ({ status }) => status.state,
          () => 'needs-config',
        )
        expect(reached).toBe('needs-config')
      },
    )

    test('brings every message out, once and in order', longMs, async () => {
      const started = await start()
      await isRunning(started)
      const messages = toMessages({ topic: remote.outTopic, count: 300 })
      expect((await runBridge(bridgeOf(started), messages, { batch: 100 })).refused).toEqual([])
      await vi.waitFor(() => expect(remote.received().length).toBeGreaterThanOrEqual(300), { timeout: recoverMs })
      expect(textsThere()).toEqual(numbers(300))
      expect(await started.stop()).toEqual(clean)
    })

    test('carries any bytes, both ways', async () => {
      const started = await start()
      await isRunning(started)
      const odd = [Buffer.alloc(0), Buffer.from([0, 255, 10, 0]), Buffer.from('ünï 🔥'), Buffer.alloc(100_000, 7)]
      const bytes = (n: number): Uint8Array => odd[n] ?? Buffer.alloc(0)
      const messages = toMessages({ topic: remote.outTopic, count: odd.length, bytes })
      await runBridge(bridgeOf(started), messages)
      await vi.waitFor(() => expect(remote.received()).toHaveLength(odd.length))
      expect(remote.received().map((each) => Buffer.from(each.bytes))).toEqual(odd)
      for (const each of odd) await remote.publish(each)
      await vi.waitFor(() => expect(started.bridged.published).toHaveLength(odd.length))
      expect(started.bridged.published.map((each) => Buffer.from(each.bytes))).toEqual(odd)
      expect(started.bridged.published[0]?.topic).toBe(remote.inTopic)
    })

    test('a message of the other side that was not durable here comes again', longMs, async () => {
      const started = await start()
      await isRunning(started)
      started.bridged.commit = () => new Promise<void>(() => undefined)
      for (const text of numbers(5)) await remote.publish(Buffer.from(text))
      expect(started.bridged.published).toEqual([])
      await started.stop()
      const again = await start()
      await vi.waitFor(() => expect(firsts(again.bridged.published.map(({ text }) => text))).toEqual(numbers(5)), {
        timeout: recoverMs,
      })
    })

    test('what the platform cannot take now is asked for again, and what it refuses is not', longMs, async () => {
      const started = await start()
      await isRunning(started)
      // Some of another test may come again, before its acknowledgement arrived.
      const words = (): string[] =>
        started.bridged.published.map(({ text }) => text).filter((text) => /^(first|second|third)$/.test(text))
      let asked = 0
      started.bridged.refuse = () =>
        asked++ < 1 ? new Refused('unavailable', 'STORE_UNAVAILABLE', 'test', 'not now') : undefined
      await remote.publish(Buffer.from('first'))
      await vi.waitFor(() => expect(words()).toEqual(['first']), {
        timeout: recoverMs,
      })
      await isRunning(started)
      let refusals = 0
      started.bridged.refuse = () => {
        refusals += 1
        return refusals === 1 ? new Refused('forbidden', 'TOPIC_FORBIDDEN', 'test', 'never') : undefined
      }
      for (const text of ['second', 'third']) await remote.publish(Buffer.from(text))
      await vi.waitFor(() => expect(words()).toEqual(['first', 'third']), { timeout: recoverMs })
    })

    test.skipIf(!contract.marks)(
      'a message carries the mark of here out, and is dropped when it comes back',
      async () => {
        const started = await start()
        await isRunning(started)
        await remote.publish(Buffer.from('back'), started.bridged.mark)
        await remote.publish(Buffer.from('fresh'), 'mark-of-elsewhere')
        await vi.waitFor(() => expect(started.bridged.published.map(({ text }) => text)).toContain('fresh'))
        expect(started.bridged.published.map(({ text }) => text)).not.toContain('back')
        const fresh = started.bridged.published.find(({ text }) => text === 'fresh')
        expect(fresh?.how.passed).toEqual(['mark-of-elsewhere'])
      },
    )

    test('a try is given up when its signal is aborted before it begins', async () => {
      const started = await start()
      const sinceMs = performance.now()
      const answer = await bridgeOf(started)
        .send?.(toMessages({ topic: remote.outTopic, count: 3 }), { attempt: 1, signal: AbortSignal.abort() })
        .catch(() => ({ outcome: 'retry' }))
      expect(performance.now() - sinceMs).toBeLessThan(abortMs)
      expect(answer?.outcome).toMatch(/retry|partial/)
    })

    test.for((contract.wrong ?? []).map((wrong) => [JSON.stringify(wrong.config), wrong] as const))(
      'says what the other side says of %s',
      async ([, { config, says }]) => {
        const started = await start(config)
        await vi.waitFor(() =>
          expect(started.status).toMatchObject({ state: 'degraded', text: expect.stringMatching(says) }),
        )
        const answer = await started.verify({ ...remote.config(), ...config })
        expect(answer.ok).toBe(false)
        expect(answer.text).toMatch(says)
        for (const secret of contract.secrets ?? [])
          expect(JSON.stringify([answer, started.status, started.log.lines])).not.toContain(secret)
      },
    )

    test('its test says that the other side is there', async () => {
      const started = await start()
      expect(await started.verify(remote.config())).toMatchObject({ ok: true, reply: expect.stringMatching(/./) })
    })

    if (kills === 0) return

    test('a remote that goes away is told as such, and takes all in order when it is back', async () => {
      const started = await start()
      await isRunning(started)
      const bridge = bridgeOf(started)
      const messages = toMessages({ topic: remote.outTopic, count: 300 })
      await runBridge(bridge, messages.slice(0, 100))
      await remote.stop?.()
      await vi.waitFor(() => expect(started.status.state).toBe('degraded'), { timeout: outageAnswerMs })
      const answer = await bridge.send?.(messages.slice(100, 200), { attempt: 1, signal: AbortSignal.timeout(500) })
      expect(answer?.outcome).toMatch(/retry|partial/)
      await remote.start?.()
      await runBridge(bridge, messages.slice(100), { limitMs: recoverMs })
      await vi.waitFor(() => expect(firsts(textsThere())).toEqual(numbers(300)), { timeout: recoverMs })
      await isRunning(started)
      expect(await started.stop()).toEqual(clean)
    }, 90_000)

    test(
      `nothing is missing, and the order is kept, after ${kills} kills of the remote while messages go out`,
      async () => {
        const started = await start()
        await isRunning(started)
        const [batches, messagesEach] = [15, 20]
        const at = new Set(Array.from({ length: kills }, (_, n) => Math.floor(((n + 1) * batches) / (kills + 1))))
        let killing: Promise<void> | undefined
        await runBridge(bridgeOf(started), toMessages({ topic: remote.outTopic, count: batches * messagesEach }), {
          batch: messagesEach,
          limitMs: recoverMs * (kills + 1),
          async onBatch(n) {
            if (!at.has(n)) return
            await killing
            // Not waited for: it falls into the batches that follow.
            killing = Promise.resolve(remote.stop?.()).then(() => remote.start?.())
          },
        })
        await killing
        const wanted = numbers(batches * messagesEach)
        await vi.waitFor(() => expect(new Set(textsThere()).size).toBe(wanted.length), { timeout: recoverMs })
        expect(firsts(textsThere())).toEqual(wanted)
        expect(await started.stop()).toEqual(clean)
      },
      30_000 + recoverMs * (kills + 1),
    )
  })
}
