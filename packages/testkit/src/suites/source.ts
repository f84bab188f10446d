import { maxReplyChars } from '@patchbay/contracts/notification'
import { type Plugin, Refused } from '@patchbay/sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createFakeSessions, type FakeSessions } from '../fakes/sessions.ts'
import { type StartedPlugin, startPlugin, type StartOptions } from '../start-plugin.ts'
import { numbersOf, type SourceRemote, toRemoteMessages } from './source-remote.ts'

export interface SourceContract<T extends SourceRemote = SourceRemote> {
  plugin: Plugin
  /** The plugin's own plugin.json. */
  manifest: URL
  /** Opened once for all tests, wiped before each. */
  remote: () => Promise<T>
  /** Merged over the configuration: each must be refused before anything is asked. */
  badConfigs: readonly Record<string, unknown>[]
  /** Merged over the configuration: well formed, but the remote says no, in words that match. */
  wrong?: readonly { config: Record<string, unknown>; says: RegExp }[]
  /** Parts of the configuration that no answer and no log may show. */
  secrets?: readonly string[]
  /** Merged over the configuration: devices that are not registered are made, of the type `meter`; left out = it makes none. */
  creates?: Record<string, unknown>
  /** Messages that may be under way here before any of them is durable. */
  maxInFlight: number
  /** Messages of a device come in their order as long as nothing breaks. */
  ordered: boolean
  /** Refused messages are taken again when a person asks. */
  retakes: boolean
  /** `waiting` counts those, too, that the source has and has not acknowledged; true when left out. */
  countsHeld?: boolean
  /** The source says how far behind it is; true when left out. */
  tellsLag?: boolean
  /** The remote has `stop` and `start`; true when left out. */
  outages?: boolean
  /** Kills of the remote while messages come in; 2, and 10 in the long form. */
  kills?: number
  /** All of a few thousand messages are here within. */
  withinMs?: number
  /** The remote gives a message again that was not acknowledged within. */
  againMs?: number
  isolation?: StartOptions['isolation']
}

const clean = { failures: [], left: [] }
/** A store that is slow makes what it was given durable so often. */
const slowStoreMs = 300
const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'
const away = (): Refused => new Refused('unavailable', 'STORE_UNAVAILABLE', 'store', 'The store is away.')

/** What every source of messages must do, against its real server. Call it inside a test file of the plugin. */
export function sourceContract<T extends SourceRemote>(contract: SourceContract<T>): void {
  const { plugin, manifest } = contract
  const kills = contract.kills ?? (isLong ? 10 : 2)
  const withinMs = contract.withinMs ?? 30_000
  const againMs = contract.againMs ?? 30_000
  let remote: T
  let host: StartedPlugin | undefined

  const start = async (
    sessions: FakeSessions = createFakeSessions(),
    config: Record<string, unknown> = remote.config(),
  ): Promise<StartedPlugin> =>
    (host = await startPlugin(plugin, {
      manifest,
      sessions,
      config,
      ...(contract.isolation === undefined ? {} : { isolation: contract.isolation }),
    }))
  const numbers = (sessions: FakeSessions): number[] => [...numbersOf(sessions.published).values()].flat()
  /** All numbers below `count` have come, however often. */
  const expectAll = async (
    sessions: FakeSessions,
    count: number,
    ms = withinMs,
    except: number[] = [],
  ): Promise<void> => {
    const left = new Set(except)
    await vi.waitFor(() => expect(new Set(numbers(sessions)).size).toBe(count - left.size), {
      timeout: ms,
      interval: 50,
    })
    const found = new Set(numbers(sessions))
    expect(Array.from({ length: count }, (_, n) => n).filter((n) => !found.has(n) && !left.has(n))).toEqual([])
  }
  const expectNoneWaiting = (): Promise<void> =>
    vi.waitFor(async () => expect(await remote.waiting()).toBe(0), { timeout: withinMs, interval: 100 })

  describe('source contract', () => {
    beforeAll(async () => {
      remote = await contract.remote()
    }, 120_000)
    afterAll(() => remote?.close(), 30_000)
    beforeEach(() => remote.wipe(), 30_000)
    afterEach(async () => {
      await host?.stop()
      host = undefined
    }, 30_000)

    test.for(contract.badConfigs.map((bad) => [JSON.stringify(bad), bad] as const))(
      'refuses a bad configuration: %s',
      async ([, bad]) => {
        const reached = await start(undefined, { ...remote.config(), ...bad }).then(
          ({ status }) => status.state,
          () => 'needs-config',
        )
        expect(reached).toBe('needs-config')
      },
    )

    test(
      'brings every message, in order where the remote has one, says how many wait, and leaves nothing behind',
      { timeout: 60_000 },
      async () => {
        await remote.send(toRemoteMessages(2500))
        const started = await start()
        expect(started.status.state).toBe('running')
        await expectAll(started.sessions, 2500)
        await expectNoneWaiting()
        expect(started.feed.taken).toBe(2500)
        expect(started.feed.parked).toEqual([])
        if (contract.ordered)
          for (const [, of] of numbersOf(started.sessions.published)) expect(of).toEqual(of.toSorted((a, b) => a - b))
        if (contract.tellsLag !== false)
          await vi.waitFor(() => expect(started.feed.lag).toMatchObject({ records: 0 }), { timeout: 15_000 })
        expect(await started.stop()).toEqual(clean)
        expect(await remote.waiting()).toBe(0)
      },
    )

    test('acknowledges nothing before it is durable: after a stop it comes again', { timeout: 90_000 }, async () => {
      const sessions = createFakeSessions({ autoSettle: false })
      await remote.send(toRemoteMessages(100))
      const started = await start(sessions)
      await vi.waitFor(() => expect(sessions.published.length).toBeGreaterThan(0), { timeout: withinMs })
      if (contract.countsHeld !== false) expect(await remote.waiting()).toBe(100)
      // The platform stops, and says so to those that wait for it.
      const stopping = started.stop()
      for (const each of sessions.published) if (!each.settled) each.settle(away())
      expect(await stopping).toEqual(clean)
      expect(await remote.waiting()).toBe(100)
      const again = await start()
      await expectAll(again.sessions, 100, againMs)
      await expectNoneWaiting()
    })

    test('no more than a bounded number is under way while the store is slow', { timeout: 60_000 }, async () => {
      const sessions = createFakeSessions({ autoSettle: false })
      await remote.send(toRemoteMessages(contract.maxInFlight + 3000))
      await start(sessions)
      let before = -1
      // As many as it takes, until no more come.
      await vi.waitFor(
        () => {
          const now = numbers(sessions).length
          const isStill = now > 0 && now === before
          before = now
          expect(isStill).toBe(true)
        },
        { timeout: withinMs, interval: 700 },
      )
      expect(before).toBeLessThanOrEqual(contract.maxInFlight)
      sessions.autoSettle = true
      for (const each of sessions.published) if (!each.settled) each.settle()
      await expectAll(sessions, contract.maxInFlight + 3000)
    })

    test(
      'a store that is away is waited for: nothing is refused, and the instance says so meanwhile',
      { timeout: 60_000 },
      async () => {
        let isAway = true
        const sessions = createFakeSessions({ decide: () => (isAway ? away() : undefined) })
        await remote.send(toRemoteMessages(200))
        const started = await start(sessions)
        await vi.waitFor(() => expect(started.status.state).toBe('degraded'), { timeout: withinMs })
        expect(started.status.text).toContain('The store is away.')
        if (contract.countsHeld !== false) expect(await remote.waiting()).toBe(200)
        isAway = false
        await expectAll(sessions, 200)
        await vi.waitFor(() => expect(started.status.state).toBe('running'))
        expect(started.feed.parked).toEqual([])
      },
    )

    test('what cannot be read is kept with its reason, and holds nothing up', { timeout: 60_000 }, async () => {
      const messages = toRemoteMessages(300)
      messages[7] = { device: 'device-2', body: '{"device": "device-2", ' }
      messages[8] = { device: 'device-3', body: '{"device": "no/device", "values": {"n": 8}}' }
      await remote.send(messages)
      const started = await start()
      await expectAll(started.sessions, 300, withinMs, [7, 8])
      await expectNoneWaiting()
      expect(started.feed.parked).toHaveLength(2)
      for (const { reply, item, id } of started.feed.parked) {
        expect(reply).toMatch(/\w{3}/)
        expect(JSON.stringify(item)).toContain('device')
        expect(id).toMatch(/^[^/]{1,180}$/)
      }
      expect(started.sessions.refusals.length).toBeGreaterThanOrEqual(2)
      if (!contract.retakes) return
      const broken = started.feed.parked.find(({ item }) => !JSON.stringify(item).includes('no/device'))
      await expect(started.feed.retake({ ...broken?.item })).rejects.toThrow(/./)
      await started.feed.retake({ ...broken?.item, value: messages[2]?.body.replace('"n":2', '"n":7') })
      expect(numbers(started.sessions)).toContain(7)
    })

    test(
      'a message that the platform refuses is kept with its words, and holds nothing up',
      { timeout: 60_000 },
      async () => {
        const sessions = createFakeSessions({
          decide: (_action, _topic, device) =>
            device === 'device-3' ? new Refused('forbidden', 'TOPIC_FORBIDDEN', 'test', 'Not this one.') : undefined,
        })
        await remote.send(toRemoteMessages(100))
        const started = await start(sessions)
        await vi.waitFor(() => expect(started.feed.parked).toHaveLength(20), { timeout: withinMs })
        expect(new Set(started.feed.parked.map(({ reply }) => reply))).toEqual(new Set(['Not this one.']))
        await vi.waitFor(() => expect(started.feed.taken).toBe(80))
        await expectNoneWaiting()
      },
    )

    test.for(contract.creates ? [contract.creates] : [])(
      'devices that are not registered are made where that was said',
      { timeout: 60_000 },
      async (creates) => {
        const made = new Set<string>()
        const sessions = createFakeSessions({
          decide: (_action, _topic, device) =>
            made.has(device) ? undefined : new Refused('credentials', 'DEVICE_UNKNOWN', 'test', 'Nobody knows it.'),
        })
        await remote.send(toRemoteMessages(10))
        const started = await start(sessions, { ...remote.config(), ...creates })
        started.feed.decide = ({ id }) => void made.add(id)
        await expectAll(sessions, 10)
        expect(new Set(started.feed.devices.map(({ id, type }) => `${id} ${type}`)).size).toBe(5)
        expect(started.feed.devices[0]?.type).toBe('meter')
      },
    )

    test('the test of unsaved values asks the remote and says what it found; a save asks nothing', async () => {
      const started = await start()
      await started.verify(remote.config(), 'save')
      const answer = await started.verify(remote.config())
      expect(answer).toMatchObject({ ok: true, reply: expect.stringMatching(/./) })
      for (const secret of contract.secrets ?? []) expect(JSON.stringify(answer)).not.toContain(secret)
    })

    test.for((contract.wrong ?? []).map((wrong) => [JSON.stringify(wrong.config), wrong] as const))(
      'says what the remote says of %s',
      { timeout: 60_000 },
      async ([, { config, says }]) => {
        const started = await start(undefined, { ...remote.config(), ...config })
        const answer = await started.verify({ ...remote.config(), ...config })
        expect(answer.ok).toBe(false)
        expect(answer.text).toMatch(says)
        expect((answer.text ?? '').length).toBeLessThanOrEqual(maxReplyChars)
        await vi.waitFor(() => expect(started.status.state).toBe('degraded'), { timeout: withinMs })
        for (const secret of contract.secrets ?? [])
          expect(JSON.stringify([answer, started.status, started.log.lines])).not.toContain(secret)
      },
    )

    if (contract.outages === false) return

    test(
      `everything is here after ${kills} × the remote was killed under load`,
      { timeout: kills * 60_000 + 60_000 },
      async () => {
        // Durable a while after it came, so that each kill falls between a message and its acknowledgement.
        const sessions = createFakeSessions({ autoSettle: false })
        const settling = setInterval(() => {
          for (const each of sessions.published) if (!each.settled) each.settle()
        }, slowStoreMs)
        const started = await start(sessions)
        const perRound = 2000
        for (let round = 0; round < kills; round++) {
          await remote.send(toRemoteMessages(perRound, round * perRound))
          await vi.waitFor(() => expect(numbers(sessions).length).toBeGreaterThan(round * perRound), {
            timeout: againMs * 2,
            interval: 5,
          })
          await remote.stop?.()
          await remote.start?.()
        }
        const count = kills * perRound
        await expectAll(started.sessions, count, againMs * 2)
        await expectNoneWaiting()
        await vi.waitFor(() => expect(started.status.state).toBe('running'), { timeout: withinMs })
        const all = numbers(started.sessions).length
        console.log(`source kill: ${kills} kills, ${count} messages, missing 0, given again ${all - count}`)
        expect(await started.stop()).toEqual(clean)
        clearInterval(settling)
      },
    )
  })
}
