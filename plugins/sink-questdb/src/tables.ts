import type { RecordValue } from '@patchbay/sdk'
import type { HttpAnswer } from '@patchbay/sdk/http-client'
import { wordsOfBody } from '@patchbay/sdk/sink'
import type { Line } from './lines.ts'

/** Runs one statement. */
export type Execute = (sql: string, signal: AbortSignal) => Promise<HttpAnswer>

/** Tables that are remembered as made; asking again costs one call. */
const maxKnown = 10_000

const typeOf = (value: RecordValue): string =>
  typeof value === 'number' ? 'DOUBLE' : typeof value === 'boolean' ? 'BOOLEAN' : 'VARCHAR'

/** Makes tables before their first row: those that QuestDB makes by itself would keep a row that comes again twice. */
export interface Tables {
  /** Rejects when one cannot be made. */
  ensure(lines: readonly Line[], signal: AbortSignal): Promise<void>
}

export function createTables(execute: Execute, partition: string): Tables {
  const known = new Set<string>()
  return {
    async ensure(lines, signal) {
      for (const { table, value } of lines) {
        if (known.has(table)) continue
        const column = value === undefined ? '' : `value ${typeOf(value)}, `
        // `toTable` leaves no quote in a name.
        const answer = await execute(
          `CREATE TABLE IF NOT EXISTS "${table}" (device SYMBOL, ${column}timestamp TIMESTAMP) TIMESTAMP(timestamp) ` +
            `PARTITION BY ${partition} WAL DEDUP UPSERT KEYS(timestamp, device)`,
          signal,
        )
        if (answer.status !== 200) throw new Error(`${answer.status} ${wordsOfBody(answer.body)}`)
        if (known.size >= maxKnown) known.clear()
        known.add(table)
      }
    },
  }
}
