import { Worker } from 'node:worker_threads'
import type { SQLInputValue } from 'node:sqlite'
import { storeUnavailable } from '../errors.ts'
import type { Row } from './row.ts'
import { schema, statements, type Statement } from './schema.ts'

/** More unwritten changes than this and the store is as good as away. */
const maxPendingChanges = 50_000

type Change = [statement: number, parameters: readonly SQLInputValue[]]

interface Waiter {
  resolve: (rows: readonly Row[]) => void
  reject: (error: Error) => void
}

const numbers = new Map(Object.keys(statements).map((name, at) => [name, at]))

export interface JournalOptions {
  path: string
  durability: 'full' | 'relaxed'
  /** Told of each failed write, since nobody may be waiting for it. */
  onFailure: (error: Error) => void
}

/**
 * Writes the broker's state to disk. While one transaction is being synced, further changes gather for the next one, so that many
 * clients share the cost of a sync. Changes reach the file in the order in which they were given.
 */
/** Heap of the store's thread: statements and the changes of one commit. */
const maxHeapMb = 256
const maxYoungHeapMb = 8

export class Journal {
  readonly #worker: Worker
  readonly #onFailure: (error: Error) => void
  readonly #waiting = new Map<number, Waiter>()
  #nextId = 1
  #pending: Change[] = []
  #batch: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined
  #busy = false
  #scheduled = false
  #broken: Error | undefined
  #closing = false

  constructor(options: JournalOptions) {
    this.#onFailure = options.onFailure
    this.#worker = new Worker(new URL('./store-worker.ts', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: maxYoungHeapMb },
      workerData: {
        path: options.path,
        schema,
        statements: Object.values(statements),
        synchronous: options.durability === 'full' ? 'FULL' : 'OFF',
      },
      env: {},
    })
    this.#worker.on('message', (answer: { id: number; rows?: readonly Row[]; error?: string }) => {
      const waiter = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.error === undefined) waiter?.resolve(answer.rows ?? [])
      else waiter?.reject(storeUnavailable(new Error(answer.error)))
    })
    this.#worker.on('error', (error) => this.#break(error))
    this.#worker.on('exit', () => {
      if (!this.#closing) this.#break(new Error('the store’s thread has ended'))
    })
  }

  /** Resolves when the change is durable. Changes of one turn share one promise. */
  write(statement: Statement, ...parameters: readonly SQLInputValue[]): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(storeUnavailable(this.#broken))
    if (this.#pending.length >= maxPendingChanges) return Promise.reject(storeUnavailable())
    this.#pending.push([numbers.get(statement) ?? -1, parameters])
    const batch = (this.#batch ??= newBatch(this.#onFailure))
    this.#schedule()
    return batch.promise
  }

  /** As `write`, for changes that nobody waits for; a failure is told to `onFailure`. */
  note(statement: Statement, ...parameters: readonly SQLInputValue[]): void {
    this.write(statement, ...parameters).catch(noteFailure)
  }

  /** Resolves when everything given so far is durable. */
  flushed(): Promise<void> {
    if (this.#batch !== undefined) return this.#batch.promise
    return this.#busy ? this.#ask({ run: [] }).then(() => undefined) : Promise.resolve()
  }

  all(query: string): Promise<readonly Row[]> {
    return this.#ask({ all: query })
  }

  async close(): Promise<void> {
    await this.flushed().catch(noteFailure)
    this.#closing = true
    if (this.#broken === undefined) await this.#ask({ close: true }).catch(this.#onFailure)
    this.#broken ??= new Error('the store is closed')
    await this.#worker.terminate()
  }

  #ask(request: { run: readonly Change[] } | { all: string } | { close: true }): Promise<readonly Row[]> {
    if (this.#broken !== undefined) return Promise.reject(storeUnavailable(this.#broken))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
      this.#worker.postMessage({ id, ...request })
    })
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    const batch = this.#batch
    if (this.#busy || batch === undefined) return
    const run = this.#pending
    this.#pending = []
    this.#batch = undefined
    this.#busy = true
    this.#ask({ run })
      .then(
        () => batch.resolve(),
        (error: unknown) => batch.reject(error instanceof Error ? error : storeUnavailable(error)),
      )
      .finally(() => {
        this.#busy = false
        if (this.#batch !== undefined) this.#flush()
      })
  }

  #break(error: Error): void {
    this.#broken ??= error
    for (const waiter of this.#waiting.values()) waiter.reject(storeUnavailable(error))
    this.#waiting.clear()
    this.#onFailure(error)
  }
}

function newBatch(onFailure: (error: Error) => void) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  promise.catch(onFailure)
  return { promise, resolve, reject }
}

/** The batch has told `onFailure` already. */
const noteFailure = () => undefined
