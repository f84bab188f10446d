import { runSink, sinkContract, startPlugin, toRecords } from '@patchbay/testkit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import plugin from '../src/index.ts'
import { kinesisUrl, openKinesisTarget, openThrottle } from './kinesis-target.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const skipped = kinesisUrl === undefined ? ', skipped, no AWS_ENDPOINT_URL' : ''

describe.skipIf(kinesisUrl === undefined)(`Kinesis${skipped}`, () => {
  sinkContract({
    plugin,
    manifest,
    sink: 'kinesis',
    target: () => openKinesisTarget(),
    badConfigs: [
      { region: 'nowhere!' },
      { stream: 'a b' },
      { endpoint: 'ftp://kinesis' },
      { endpoint: 'http://169.254.169.254' },
      { partitionKey: '{key}' },
      { secretAccessKey: undefined },
    ],
    wrong: [
      { config: { endpoint: 'http://127.0.0.1:1' }, says: /ECONNREFUSED/ },
      { config: { stream: 'nobodys' }, says: /ResourceNotFoundException: .*nobodys/ },
    ],
    secrets: ['a-secret-of-the-suite'],
    idempotent: false,
    ordered: true,
    front: {
      url: () => kinesisUrl ?? '',
      tls: 'at once',
      config: ({ host, port, ca }) => ({
        endpoint: `${ca ? 'https' : 'http'}://${host}:${port}`,
        ...(ca ? { ca } : {}),
      }),
    },
    // More than it takes of one record.
    bad: (good) => ({ ...good, values: { ...good.values, text: 'x'.repeat(1_200_000) } }),
  })

  describe('a throttled stream', () => {
    const ends: (() => Promise<unknown>)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end()
    })
    async function open(takes: Parameters<typeof openThrottle>[0]) {
      const target = await openKinesisTarget()
      const throttle = await openThrottle(takes)
      const host = await startPlugin(plugin, { manifest, config: { ...target.config(), endpoint: throttle.url } })
      ends.push(target.close, throttle.close, () => host.stop())
      const sink = host.sinks.get('kinesis')
      if (!sink) throw new Error(JSON.stringify(host.status))
      return { target, throttle, sink }
    }

    test('gets every record, each behind the one before it of its device, whatever it refuses in between', async () => {
      let seed = 7
      // Every third, by a fixed row of numbers.
      const { target, sink } = await open(() => (seed = (seed * 75 + 74) % 65_537) % 3 !== 0)
      const records = toRecords({ count: 400, devices: 20 })
      expect(await runSink(sink, records)).toMatchObject({ refused: [], retries: 0 })
      const rows = await target.rows()
      const lastPlace = new Map(rows.map(({ value }, place) => [value, place]))
      expect(lastPlace.size).toBe(400)
      // What passed another of its device came again behind it.
      for (let n = 20; n < 400; n++) expect(lastPlace.get(n)).toBeGreaterThan(lastPlace.get(n - 20) ?? Infinity)
    })

    test('that takes nothing of one shard gets the others at once, and is told in its words', async () => {
      const { target, sink } = await open((key) => key !== 'device-3')
      const answer = await sink.write(toRecords({ count: 100 }), { attempt: 1, signal: AbortSignal.timeout(20_000) })
      expect(answer).toMatchObject({ outcome: 'partial', refused: [] })
      const retry = answer.outcome === 'partial' ? answer.retry : []
      expect(retry.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, n) => n * 5 + 3))
      expect(retry[0]?.reply).toBe('ProvisionedThroughputExceededException: Rate exceeded for shard')
      expect(await target.rows()).toHaveLength(80)
    })
  })
})

describe.skipIf(kinesisUrl === undefined)(`credentials${skipped}`, () => {
  afterEach(() => vi.unstubAllEnvs())
  const verify = async (env: Record<string, string>) => {
    const target = await openKinesisTarget({ accessKeyId: undefined, secretAccessKey: undefined })
    // Nothing of the machine that the suite runs on.
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere')
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere')
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
    const host = await startPlugin(plugin, { manifest, config: target.config() })
    const answer = await host.verify(target.config())
    await host.stop()
    await target.close()
    return answer
  }

  test('are those of the environment when none are configured', async () => {
    expect(await verify({ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' })).toMatchObject({ ok: true })
  })

  test('that are nowhere are told as such', async () => {
    expect(await verify({})).toMatchObject({ ok: false, text: expect.stringMatching(/credentials/i) })
  })
})
