import type { Sink, SinkRecord } from '@patchbay/sdk'
import { sinkContract, startPlugin, toRecords } from '@patchbay/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import plugin from '../src/index.ts'
import { openPostgresTarget, postgresUrl, type PostgresTarget } from './timescaledb-target.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const skipped = postgresUrl === undefined ? ', skipped, no TIMESCALEDB_URL' : ''

describe.skipIf(postgresUrl === undefined).for(['point', 'message'] as const)(
  `PostgreSQL, a row a %s${skipped}`,
  (rows) => {
    sinkContract({
      plugin,
      manifest,
      sink: 'timescaledb',
      target: () => openPostgresTarget(rows),
      badConfigs: [
        { url: 'http://db/iot' },
        { url: 'postgres://db' },
        { url: 'postgres://ada:secret@db/iot' },
        { url: 'postgres://169.254.169.254/iot' },
        { table: 'a"; DROP TABLE b; --' },
        { table: 'readings_{key}' },
      ],
      wrong: [
        { config: { url: 'postgres://127.0.0.1:1/iot' }, says: /ECONNREFUSED/ },
        { config: { username: 'nobody_at_all' }, says: /nobody_at_all/ },
        { config: { table: 'no_schema_of_ours.readings' }, says: /no_schema_of_ours/ },
      ],
      secrets: ['a-password-of-the-suite'],
      idempotent: true,
      front: {
        url: () => postgresUrl ?? '',
        tls: 'postgres',
        config: ({ host, port, ca }) => ({
          url: `postgres://${host}:${port}${new URL(postgresUrl ?? '').pathname}`,
          ...(ca ? { tls: true, ca } : {}),
        }),
      },
      bad: (good) => ({ ...good, values: { ...good.values, text: 'a\0b' } }),
    })
  },
)

describe.skipIf(postgresUrl === undefined)(`a table of PostgreSQL${skipped}`, () => {
  let target: PostgresTarget
  beforeAll(async () => {
    target = await openPostgresTarget('point')
  })
  beforeEach(() => target.wipe())
  afterAll(() => target?.close())

  const write = async (records: readonly SinkRecord[], config: Record<string, unknown> = {}) => {
    const host = await startPlugin(plugin, { manifest, config: { ...target.config(), ...config } })
    const sink: Sink | undefined = host.sinks.get('timescaledb')
    const answer = await sink?.write(records, { attempt: 1, signal: new AbortController().signal })
    await host.stop()
    return answer
  }
  const [first] = toRecords({ count: 1 })
  const record = (values: SinkRecord['values']): SinkRecord => {
    if (!first) throw new Error('no record')
    return { ...first, values }
  }
  const seen = async () =>
    (await target.rows()).toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ key, value }) => [key, value])

  test('is one of several where its name has the type in it', async () => {
    const config = { table: `${target.schema}.readings_{type}` }
    const records = ['Boiler"; --', 'meter', 'Boiler"; --'].map((type, n) => ({
      ...record({ n }),
      device: `d${n}`,
      type,
    }))
    expect(await write(records, config)).toEqual({ outcome: 'delivered' })
    expect(await target.query(`SELECT device FROM ${target.schema}.readings_boiler_____ ORDER BY device`)).toEqual([
      { device: 'd0' },
      { device: 'd2' },
    ])
    expect(await target.query(`SELECT device FROM ${target.schema}.readings_meter`)).toEqual([{ device: 'd1' }])
  })

  test('holds the later of two points of one time, in one batch or in two', async () => {
    await write([record({ n: 1, a: 1 }), record({ n: 2 })])
    expect(await seen()).toEqual([
      ['a', 1],
      ['n', 2],
    ])
    await write([record({ n: 'text now' })])
    expect(await seen()).toEqual([
      ['a', 1],
      ['n', 'text now'],
    ])
  })

  test('keeps all keys that two messages of one time bring', async () => {
    const config = { rows: 'message', table: `${target.schema}.messages` }
    await write([record({ n: 1, a: 1 }), record(JSON.parse('{"n": 2, "__proto__": 3}'))], config)
    await write([record({ b: 4 })], config)
    const [row] = await target.query(`SELECT values::text FROM ${config.table}`)
    expect(row.values).toBe('{"a": 1, "b": 4, "n": 2, "__proto__": 3}')
  })

  test('is a hypertable where the extension is there, unless it shall not be', async () => {
    const hyper = async (): Promise<number> =>
      (
        await target.query(
          `SELECT FROM timescaledb_information.hypertables WHERE hypertable_schema = '${target.schema}' AND hypertable_name = 'readings'`,
        )
      ).length
    const [extension] = await target.query(`SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'`)
    await write([record({ n: 1 })])
    if (extension) expect(await hyper()).toBe(1)
    await target.wipe()
    await write([record({ n: 1 })], { hypertable: false })
    if (extension) expect(await hyper()).toBe(0)
    expect(await seen()).toEqual([['n', 1]])
  })

  test('that was dropped is made again', async () => {
    const host = await startPlugin(plugin, { manifest, config: target.config() })
    const sink: Sink | undefined = host.sinks.get('timescaledb')
    const options = { attempt: 1, signal: new AbortController().signal }
    await sink?.write([record({ n: 1 })], options)
    await target.wipe()
    expect(await sink?.write([record({ n: 2 })], options)).toMatchObject({ outcome: 'retry' })
    expect(await sink?.write([record({ n: 2 })], options)).toEqual({ outcome: 'delivered' })
    expect(await seen()).toEqual([['n', 2]])
    await host.stop()
  })
})
