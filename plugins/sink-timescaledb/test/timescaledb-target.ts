import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { openOutage, type SinkTarget, type TargetPoint, toPoints } from '@patchbay/testkit'
import pg from 'pg'

/** A PostgreSQL, with TimescaleDB or without, that was started for the tests. */
export const postgresUrl = process.env['TIMESCALEDB_URL']

export interface PostgresTarget extends SinkTarget {
  query(text: string): Promise<any[]>
  readonly schema: string
}

/** A schema of the test's own. */
export async function openPostgresTarget(
  rows: 'point' | 'message',
  more: Record<string, unknown> = {},
): Promise<PostgresTarget> {
  const given = new URL(postgresUrl ?? '')
  const schema = `patchbay_sink_${randomBytes(6).toString('hex')}`
  const outage = await openOutage('timescale', given.href)
  const near = new URL(outage.url)
  const table = `${schema}.readings`
  const query = async (text: string): Promise<any[]> => {
    const client = new pg.Client({ connectionString: given.href })
    await client.connect()
    try {
      return (await client.query(text)).rows
    } finally {
      await client.end()
    }
  }
  await query(`CREATE SCHEMA ${schema}`)
  return {
    query,
    schema,
    config: () => ({
      url: `postgres://${near.host}${near.pathname}`,
      username: given.username || 'postgres',
      password: given.password || 'a-password-of-the-suite',
      table,
      rows,
      ...more,
    }),
    async rows() {
      const [there] = await query(`SELECT to_regclass('${table}') AS is`)
      if (!there?.is) return []
      const at = '(extract(epoch from time) * 1000000)::bigint::text AS at'
      if (rows === 'message')
        return toPoints(
          (await query(`SELECT ${at}, device, values FROM ${table}`)).map((row) => ({ ...row, at: Number(row.at) })),
        )
      return (await query(`SELECT ${at}, device, key, num, text, json FROM ${table}`)).map(
        ({ at: micros, device, key, num, text, json }): TargetPoint => ({
          device,
          at: Number(micros),
          key,
          value: num ?? text ?? json,
        }),
      )
    },
    async wipe() {
      await query(`DROP TABLE IF EXISTS ${table}`)
    },
    stop: outage.stop,
    async start() {
      await outage.start()
      for (let tries = 0; tries < 100; tries++) {
        const ready = await query('SELECT 1').then(
          () => true,
          () => false,
        )
        if (ready) return
        await wait(100)
      }
    },
    async close() {
      await query(`DROP SCHEMA ${schema} CASCADE`)
      await outage.close()
    },
  }
}
