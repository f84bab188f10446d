import type { TelemetryReader } from '@patchbay/sdk'
import type { InfluxConfig } from '../config.ts'
import type { NameBook } from '../name-book.ts'
import type { Statement } from './ast.ts'
import { createBudget } from './budget.ts'
import { createCatalogue } from './catalogue.ts'
import type { Databases } from './databases.ts'
import { StatementError } from './failures.ts'
import { type Block, runSelect } from './select.ts'
import { runShow, type Table } from './show.ts'

export interface StatementContext {
  /** What who asks may read. */
  reader: TelemetryReader | undefined
  names: NameBook
  databases: Databases
  config: InfluxConfig
  nowMicros: number
  signal: AbortSignal
}

const policies: Table = {
  columns: ['name', 'duration', 'shardGroupDuration', 'replicaN', 'futureWriteLimit', 'pastWriteLimit', 'default'],
  rows: [['autogen', '0s', '168h0m0s', 1, '0s', '0s', true]],
}

/** Whether a statement looks at data, so that the right to read them is needed. */
export const isRead = ({ kind }: Statement): boolean => kind === 'select' || kind === 'show'

/** Carries a statement out. Throws StatementError. */
export async function* runStatement(statement: Statement, context: StatementContext): AsyncGenerator<Block | Table> {
  const { databases, config, names, nowMicros } = context
  switch (statement.kind) {
    case 'refused':
      throw new StatementError(statement.why)
    case 'create':
      // There is one database; a name that was asked for is shown from now on, as clients look whether it is there.
      if (statement.database !== undefined) await databases.add(statement.database)
      return
    case 'show databases':
      yield { name: 'databases', columns: ['name'], rows: (await databases.list()).map((name) => [name]) }
      return
    case 'show retention policies':
      yield policies
      return
    default: {
      const { reader } = context
      if (!reader) throw new StatementError('not authorized to execute statement')
      const budget = createBudget(context.signal)
      const catalogue = createCatalogue({ reader, names, config, budget })
      const of = { catalogue, budget, nowMicros, deviceTag: config.deviceTag }
      if (statement.kind === 'select') yield* runSelect(statement, of)
      else yield* await runShow(statement, of)
    }
  }
}
