import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

/** The thread that owns the broker's file. It knows SQL only; what the rows mean is the other side's. */
interface WorkerData {
  path: string
  schema: string
  statements: readonly string[]
  synchronous: 'FULL' | 'OFF'
}

type Request =
  | { id: number; run: readonly (readonly [statement: number, parameters: readonly SQLInputValue[]])[] }
  | { id: number; all: string }
  | { id: number; close: true }

const port = parentPort
if (port === null) throw new Error('store-worker runs as a worker only')
const data: WorkerData = workerData

const database = new DatabaseSync(data.path)
database.exec(
  `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${data.synchronous}; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -1024`,
)
database.exec(data.schema)
const prepared: StatementSync[] = data.statements.map((sql) => database.prepare(sql))

function run(work: readonly (readonly [number, readonly SQLInputValue[]])[]): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const [statement, parameters] of work) prepared[statement]?.run(...parameters)
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

port.on('message', (request: Request) => {
  try {
    if ('run' in request) {
      run(request.run)
      port.postMessage({ id: request.id })
    } else if ('all' in request) {
      port.postMessage({ id: request.id, rows: database.prepare(request.all).all() })
    } else {
      database.close()
      port.postMessage({ id: request.id })
      port.close()
    }
  } catch (error) {
    port.postMessage({ id: request.id, error: error instanceof Error ? error.message : String(error) })
  }
})
