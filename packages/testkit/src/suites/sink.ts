import { maxReplyChars } from '@patchbay/contracts/notification'
import type { Plugin, RecordValue, Sink, SinkRecord } from '@patchbay/sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Front, openFront, type TlsStart } from '../remotes/front.ts'
import { type StartedPlugin, startPlugin, type StartOptions } from '../start-plugin.ts'
import { runSink } from './sink-run.ts'
import { type RecordsOptions, type SinkTarget, type TargetPoint, toPoints, toRecords } from './sink-target.ts'

/** A try must end so soon after its signal aborts. */
export const writeAbortMs = 1_000
/** Between what a slow server says and what is heard of it. */
const slowMs = 100
/** What a silent server is given. */
const silentMs = 700
/** A target that is not there must be said so within. */
export const outageAnswerMs = 10_000

export interface SinkContract<T extends SinkTarget = SinkTarget> {
  plugin: Plugin
  /** The plugin's own plugin.json. */
  manifest: URL
  /** As the manifest names it. */
  sink: string
  /** Opened once for all tests, wiped before each. */
  target: () => Promise<T>
  /** Merged over the configuration: each must be refused before anything is sent. */
  badConfigs: readonly Record<string, unknown>[]
  /** Merged over the configuration: well formed, but the target says no, in words that match. */
  wrong?: readonly { config: Record<string, unknown>; says: RegExp }[]
  /** Parts of the configuration that no reply and no log may show. */
  secrets?: readonly string[]
  /** The same record again is no second row. */
  idempotent: boolean
  /** `rows` come in the order of arrival, and records of a device must keep it. */
  ordered?: boolean
  /** A record that this target refuses, where there is one: made from a good one. */
  bad?: (good: SinkRecord) => SinkRecord
  /** Values and keys that the target takes; left out = all kinds that a device can send. */
  values?: Record<string, RecordValue>
  /** What the target makes of a point, where it cannot keep it as it is, such as numbers for booleans. */
  kept?: (point: TargetPoint) => TargetPoint
  /** The target has `stop` and `start`; true when left out. */
  outages?: boolean
  /** Kills of the target while records come in; 2, and 10 in the long form. */
  kills?: number
  /** How long a target may take to come to be ready again. */
  recoverMs?: number
  isolation?: StartOptions['isolation']
  /** How the sink is led to the same server by another address; left out where a server names its own addresses, as Kafka does. */
  front?: SinkFront<T>
  /** The time of the first record, µs, for targets that take only what is recent. */
  base?: number
  /** What else the plugin is started with. */
  options?: (target: T) => Partial<StartOptions>
}

/** A front before the server, by which it is slow, silent, or speaks TLS. */
export interface SinkFront<T extends SinkTarget = SinkTarget> {
  /** Where the server itself is. */
  url: (target: T) => string
  /** Left out: it is not tried. */
  tls?: TlsStart
  /** Merged over the configuration. `ca` is there when TLS is spoken. */
  config: (front: Pick<Front, 'host' | 'port' | 'ca'>, target: T) => Record<string, unknown>
}

const clean = { failures: [], left: [] }
const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'

/** Every kind of value, and names as hostile devices give them. */
export const oddValues: Record<string, RecordValue> = Object.fromEntries<RecordValue>([
  ['temperature', -0.000_123],
  ['large', 1.797_693_134_862_315_7e308],
  ['count', 9_007_199_254_740_991],
  ['open', true],
  ['shut', false],
  ['state', 'line 1\nline 2, "quoted" \\ back, = and \u{1F525} ünï'],
  ['empty', ''],
  ['where', { lat: 52.5, lon: [1, null, 'x'], deep: { a: 'b' } }],
  ['em:0', 1],
  ['a b,c=d', 2],
  ['"quoted"', 3],
  ['ключ', 4],
  ['__proto__', 5],
  ['constructor', 6],
  ['time', 7],
  ['device', 8],
])

const keyOf = ({ device, at, key, value }: TargetPoint): string => JSON.stringify([device, at, key, value])
const sorted = (points: readonly TargetPoint[]): string[] => points.map(keyOf).toSorted()

/** What every sink must do, against its real server. Call it inside a test file of the plugin. */
export function sinkContract<T extends SinkTarget>(contract: SinkContract<T>): void {
  const { plugin, manifest, kept = (point: TargetPoint) => point } = contract
  const kills = contract.kills ?? (isLong ? 10 : 2)
  const recoverMs = contract.recoverMs ?? 30_000
  let target: T
  let host: StartedPlugin | undefined

  const recordsOf = (of: RecordsOptions): SinkRecord[] =>
    toRecords(contract.base === undefined ? of : { ...of, base: contract.base })
  const start = async (config: unknown = target.config()): Promise<StartedPlugin> =>
    (host = await startPlugin(plugin, {
      manifest,
      config,
      ...contract.options?.(target),
      ...(contract.isolation === undefined ? {} : { isolation: contract.isolation }),
    }))
  const sinkOf = (started: StartedPlugin): Sink => {
    const found = started.sinks.get(contract.sink)
    if (!found)
      throw new TypeError(`The plugin does not contribute ${contract.sink}: ${JSON.stringify(started.status)}`)
    return found
  }
  const expectRows = async (records: readonly SinkRecord[], doubles = !contract.idempotent): Promise<void> => {
    const rows = sorted(await target.rows())
    const wanted = sorted(toPoints(records).map(kept))
    const found = doubles ? [...new Set(rows)] : rows
    // Counts first: a difference of a thousand rows says nothing to anybody.
    expect({ rows: found.length, missing: wanted.filter((row) => !found.includes(row)).slice(0, 3) }).toEqual({
      rows: wanted.length,
      missing: [],
    })
  }

  /** What the server's being slow, silent or behind TLS must not change. */
  const fronted = ({ url, tls, config }: SinkFront<T>): void => {
    const through = async (start_: TlsStart | undefined, work: (front: Front) => Promise<void>): Promise<void> => {
      const front = await openFront(url(target), start_ ? { tls: start_ } : {})
      try {
        await work(front)
      } finally {
        front.flow()
        await host?.stop()
        host = undefined
        await front.close()
      }
    }

    test('a server that is slow is waited for, and nothing comes twice', () =>
      through(undefined, async (front) => {
        const started = await start({ ...target.config(), ...config(front, target) })
        front.delay(slowMs)
        const records = recordsOf({ count: 300 })
        const { refused, retries } = await runSink(sinkOf(started), records, { batch: 100 })
        expect({ refused, retries }).toEqual({ refused: [], retries: 0 })
        await expectRows(records, false)
      }))

    test('a server that says nothing is given up with the try, and gets all when it speaks again', () =>
      through(undefined, async (front) => {
        const started = await start({ ...target.config(), ...config(front, target) })
        const sink = sinkOf(started)
        const records = recordsOf({ count: 300 })
        await runSink(sink, records.slice(0, 100))
        front.hold()
        const sinceMs = performance.now()
        const answer = await sink
          .write(records.slice(100, 200), { attempt: 1, signal: AbortSignal.timeout(silentMs) })
          .catch((error: unknown) => ({ outcome: 'retry', reply: String(error) }))
        expect(performance.now() - sinceMs).toBeLessThan(silentMs + writeAbortMs)
        expect(answer).toMatchObject({ outcome: 'retry', reply: expect.stringMatching(/./) })
        front.flow()
        await runSink(sink, records.slice(100), { limitMs: recoverMs })
        await expectRows(records)
      }))

    if (!tls) return
    test('goes over TLS, to a certificate that is believed only', () =>
      through(tls, async (front) => {
        const { host: name, port } = front
        const started = await start({ ...target.config(), ...config(front, target) })
        const records = recordsOf({ count: 200 })
        await runSink(sinkOf(started), records)
        await expectRows(records)
        const { ca: _, ...unbelieved } = {
          ...target.config(),
          ...config({ host: name, port, ca: front.ca }, target),
        } as {
          ca?: unknown
        }
        expect(await started.verify(unbelieved)).toMatchObject({
          ok: false,
          text: expect.stringMatching(/self.signed|certificate/i),
        })
      }))
  }

  describe('sink contract', () => {
    beforeAll(async () => {
      target = await contract.target()
    }, 120_000)
    afterAll(() => target?.close(), 30_000)
    beforeEach(() => target.wipe(), 30_000)
    afterEach(async () => {
      await host?.stop()
      host = undefined
    })

    test('is there while the plugin runs and gone when it stopped', async () => {
      const started = await start()
      expect(started.status.state).toBe('running')
      expect(started.sinks.has(contract.sink)).toBe(true)
      expect(await started.stop()).toEqual(clean)
      expect(started.sinks.size).toBe(0)
    })

    test.for(contract.badConfigs.map((bad) => [JSON.stringify(bad), bad] as const))(
      'refuses a bad configuration: %s',
      async ([, bad]) => {
        const reached = await start({ ...target.config(), ...bad }).then(
          ({ status }) => status.state,
          () => 'needs-config',
        )
        expect(reached).toBe('needs-config')
      },
    )

    test('brings every record, once, and in order where the target has one', async () => {
      const started = await start()
      const records = recordsOf({ count: 2500 })
      const { refused } = await runSink(sinkOf(started), records, { batch: 1000 })
      expect(refused).toEqual([])
      await expectRows(records, false)
      if (contract.ordered) {
        const places = new Map<string, number>()
        for (const { device, at } of await target.rows()) {
          expect(at).toBeGreaterThanOrEqual(places.get(device) ?? 0)
          places.set(device, at)
        }
      }
      expect(await started.stop()).toEqual(clean)
    })

    test('keeps every kind of value and every name', async () => {
      const started = await start()
      const records = recordsOf({ count: 3, values: () => contract.values ?? oddValues })
      const { refused } = await runSink(sinkOf(started), records)
      expect(refused).toEqual([])
      await expectRows(records, false)
    })

    test('takes the same batch again', async () => {
      const started = await start()
      const records = recordsOf({ count: 100 })
      await runSink(sinkOf(started), records)
      await runSink(sinkOf(started), records)
      await expectRows(records)
    })

    const bad = contract.bad ? [contract.bad] : []
    test.for(bad)(
      'one bad record among 999 good ones is the only one refused, in the target’s words',
      async (spoil) => {
        const started = await start()
        const good = recordsOf({ count: 1000 })
        const records = good.map((record, index) => (index === 500 ? spoil(record) : record))
        const { refused } = await runSink(sinkOf(started), records)
        expect(refused.map(({ record }) => record.id)).toEqual([good[500]?.id])
        expect(refused[0]?.reply).toMatch(/./)
        await expectRows(good.filter((_, index) => index !== 500))
      },
    )

    test('a try is given up when its signal is aborted before it begins', async () => {
      const started = await start()
      const sinceMs = performance.now()
      const answer = await sinkOf(started)
        .write(recordsOf({ count: 10 }), { attempt: 1, signal: AbortSignal.abort() })
        .catch(() => ({ outcome: 'retry' }))
      expect(performance.now() - sinceMs).toBeLessThan(writeAbortMs)
      expect(answer.outcome).toBe('retry')
    })

    test('the test of unsaved values writes and reads a probe; a save sends nothing', async () => {
      const started = await start()
      await started.verify(target.config(), 'save')
      expect(await target.rows()).toEqual([])
      const answer = await started.verify(target.config())
      expect(answer).toMatchObject({ ok: true, reply: expect.stringMatching(/./) })
      for (const secret of contract.secrets ?? []) expect(JSON.stringify(answer)).not.toContain(secret)
    })

    test.for((contract.wrong ?? []).map((wrong) => [JSON.stringify(wrong.config), wrong] as const))(
      'says what the target says of %s',
      async ([, { config, says }]) => {
        const started = await start()
        const answer = await started.verify({ ...target.config(), ...config })
        expect(answer.ok).toBe(false)
        expect(answer.text).toMatch(says)
        expect((answer.text ?? '').length).toBeLessThanOrEqual(maxReplyChars)
        for (const secret of contract.secrets ?? [])
          expect(JSON.stringify([answer, started.log.lines])).not.toContain(secret)
      },
    )

    if (contract.front) fronted(contract.front)

    if (contract.outages === false) return

    test('a target that goes away is told as such, and takes all when it is back', async () => {
      const started = await start()
      const sink = sinkOf(started)
      const records = recordsOf({ count: 600 })
      await runSink(sink, records.slice(0, 200))
      await target.stop?.()
      const sinceMs = performance.now()
      const answer = await sink
        .write(records.slice(200, 300), { attempt: 1, signal: AbortSignal.timeout(outageAnswerMs) })
        .catch((error: unknown) => ({ outcome: 'retry', reply: String(error) }))
      expect(performance.now() - sinceMs).toBeLessThan(outageAnswerMs + writeAbortMs)
      expect(answer).toMatchObject({ outcome: 'retry', reply: expect.stringMatching(/./) })
      await target.start?.()
      await runSink(sink, records.slice(200), { limitMs: recoverMs })
      await expectRows(records)
      expect(await started.stop()).toEqual(clean)
    }, 90_000)

    test(
      `nothing is missing after ${kills} kills of the target while records come in`,
      async () => {
        const started = await start()
        const batches = 20
        const records = recordsOf({ count: batches * 200 })
        const at = new Set(Array.from({ length: kills }, (_, n) => Math.floor(((n + 1) * batches) / (kills + 1))))
        let killing: Promise<void> | undefined
        await runSink(sinkOf(started), records, {
          batch: 200,
          limitMs: recoverMs * (kills + 1),
          async onBatch(n) {
            if (!at.has(n)) return
            await killing
            // Not waited for: it falls into the batches that follow.
            killing = Promise.resolve(target.stop?.()).then(() => target.start?.())
          },
        })
        await killing
        await expectRows(records)
        expect(await started.stop()).toEqual(clean)
      },
      30_000 + recoverMs * (kills + 1),
    )
  })
}
