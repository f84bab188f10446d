import { setTimeout as wait } from 'node:timers/promises'
import { oddValues, openOutage, type SinkTarget, type TargetPoint, toMicros } from '@patchbay/testkit'
import { toTable } from '../src/names.ts'

/** A QuestDB that was started for the tests. */
export const questdbUrl = process.env['QUESTDB_URL']

/** As of every sink, but for a name that others on the same server use, too. */
export const values = Object.fromEntries(
  Object.entries(oddValues).map(([key, value]) => [key === 'temperature' ? 'a temperature' : key, value]),
)

/** Tables that the contract’s records make; those of others are left alone. */
const made = new Set(['n', 'readings', ...Object.keys(values).map(toTable)])

export async function openQuestdbTarget(more: Record<string, unknown> = {}): Promise<SinkTarget> {
  const server = questdbUrl ?? ''
  const outage = await openOutage('questdb', server)
  const execute = async (sql: string): Promise<any[][]> => {
    const answer = await fetch(`${server}/exec?${new URLSearchParams({ query: sql })}`)
    const body: any = await answer.json()
    if (body.error) throw new Error(`${sql}: ${body.error}`)
    return body.dataset ?? []
  }
  const names = async (): Promise<string[]> =>
    (await execute('SELECT table_name FROM tables()')).flat().filter((name) => made.has(name))
  /** Rows are seen once the log of a table is applied. */
  const settle = async (): Promise<void> => {
    for (let tries = 0; tries < 100; tries++) {
      const waiting = await execute('SELECT count() FROM wal_tables() WHERE writerTxn <> sequencerTxn')
      if (waiting[0]?.[0] === 0) return
      await wait(50)
    }
  }
  const { table } = more
  return {
    config: () => ({ url: outage.url, ...more }),
    async rows() {
      await settle()
      const rows: TargetPoint[] = []
      for (const name of await names()) {
        const columns = (await execute(`SHOW COLUMNS FROM "${name}"`)).map(([column]) => String(column))
        const keys = columns.filter((column) => column !== 'device' && column !== 'timestamp')
        const list = ['device', 'timestamp', ...keys].map((column) => `"${column}"`).join(', ')
        for (const [device, at, ...values] of await execute(`SELECT ${list} FROM "${name}"`))
          values.forEach((value, i) => {
            if (value !== null)
              rows.push({ device, at: toMicros(at), key: table === undefined ? name : (keys[i] ?? ''), value })
          })
      }
      return rows
    },
    async wipe() {
      for (const name of await names()) await execute(`DROP TABLE "${name}"`)
    },
    stop: outage.stop,
    async start() {
      await outage.start()
      for (let tries = 0; tries < 100; tries++) {
        const ready = await execute('SELECT 1').then(
          () => true,
          () => false,
        )
        if (ready) return
        await wait(100)
      }
    },
    close: outage.close,
  }
}
