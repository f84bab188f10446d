import type { Sink, SinkRecord } from '@patchbay/sdk'
import { answerOfWrite, groupByName, NoAnswer, type OpenedSink, within, WriteRefused } from '@patchbay/sdk/sink'
import type { Client } from 'pg'
import type { Config } from './config.ts'
import { createLink, queryMs } from './link.ts'
import { rowsOf } from './rows.ts'
import { quoteTable, readTable } from './table.ts'

/** Tables that are remembered as made, each with a statement of every connection; asking again costs one call. */
const maxTables = 100

/** A table that somebody has dropped is made again. */
const undefinedTable = '42P01'

const codeOf = (error: unknown): string => {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : ''
}

/** A value, or a row by the table's own rules, is bad: classes 22 (data) and 23 (integrity), and what is too large (54). */
const isRefusal = (code: string): boolean => /^(22|23|54)[0-9A-Z]{3}$/.test(code)

/** Makes the table where it is not there; one that is there is used as it is. */
async function makeTable(client: Client, name: string, { rows, hypertable }: Config): Promise<void> {
  const { rows: found } = await client.query<{ is: string | null }>('SELECT to_regclass($1) AS is', [name])
  if (typeof found[0]?.is === 'string') return
  await client.query(`CREATE TABLE IF NOT EXISTS ${name} (${rowsOf(rows === 'message' ? 'message' : 'point').columns})`)
  if (!hypertable) return
  const { rowCount } = await client.query(`SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'`)
  if (rowCount === 1)
    await client.query(`SELECT create_hypertable($1::regclass, 'time', if_not_exists => true)`, [name])
}

export interface OpenTimescaledb extends OpenedSink {
  close(): Promise<void>
}

export function openTimescaledb(values: Config, stop: AbortSignal): OpenTimescaledb {
  const secrets = [values.password]
  const link = createLink(values)
  const rows = rowsOf(values.rows === 'message' ? 'message' : 'point')
  const template = readTable(values.table)
  /** Tables that are there, each with the name of its statement. */
  const made = new Map<string, string>()

  async function insert(client: Client, table: string, records: readonly SinkRecord[]): Promise<void> {
    const name = quoteTable(table)
    let statement = made.get(name)
    if (statement === undefined) {
      await makeTable(client, name, values)
      if (made.size >= maxTables) made.clear()
      statement = `insert ${made.size}`
      made.set(name, statement)
    }
    try {
      // Prepared once a connection, under its name.
      await client.query({ name: statement, text: rows.insert(name), values: rows.arraysOf(records) })
    } catch (error) {
      if (codeOf(error) === undefinedTable) made.delete(name)
      throw error
    }
  }

  const sink: Sink = {
    write: (records, { signal }) =>
      answerOfWrite(async () => {
        const ended = AbortSignal.any([stop, signal])
        ended.throwIfAborted()
        const client = await within(link.client(), queryMs, ended, 'No connection')
        try {
          for (const group of groupByName(records, template))
            await within(insert(client, group.name, group.records), queryMs, ended, 'No answer')
        } catch (error) {
          // What is still under way must not come after the next try.
          if (error instanceof NoAnswer) link.cut()
          const code = codeOf(error)
          const words = error instanceof Error ? error.message : String(error)
          throw isRefusal(code) ? new WriteRefused(`${code} ${words}`, { cause: error }) : error
        }
      }, secrets),
  }
  return {
    sink,
    async readBack(probe) {
      const client = await link.client()
      const table = template.of(probe)
      const { rowCount } = await client.query(`DELETE FROM ${quoteTable(table)} WHERE device = $1`, [probe.device])
      if (!rowCount) throw new Error(`A row went into ${table}, but it is not there.`)
      const { rows: found } = await client.query<{ server_version: string }>('SHOW server_version')
      return `PostgreSQL ${found[0]?.server_version ?? ''} took a row into ${table}, and it was found there and deleted.`
    },
    close: () => link.close(),
  }
}
