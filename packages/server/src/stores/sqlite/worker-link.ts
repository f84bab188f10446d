import { Worker } from 'node:worker_threads'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { ReadCancelled } from '@patchbay/core/telemetry/read-cancelled'
import { StoreMisused } from './errors.ts'
import { toStoreError } from './failure.ts'
import { OPENED, type CallMap, type Cancel, type Reply } from './worker-reply.ts'

export interface LinkOptions {
  entry: URL
  file: string
  data: unknown
  /** Heap of the worker; past it the worker dies, the process does not. */
  heapMb: number
  /** The worker died by itself: everything in flight was rejected and nothing works any more. */
  onFatal: (error: Error) => void
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A worker that has not ended by itself then is ended: its commits are done or never answered. */
const CLOSE_DEADLINE_MS = 8_000
const YOUNG_HEAP_MB = 8
/** Calls that may wait for one worker; those beyond are told to come later. */
const MAX_WAITING_CALLS = 20_000

/** One worker thread and the calls that wait for it. */
export class WorkerLink<C extends CallMap<C>> {
  readonly #worker: Worker
  readonly #file: string
  readonly #waiting = new Map<number, Waiting>()
  readonly #exited: Promise<void>
  /** What goes to the worker at the end of this turn, in one message. */
  #outbox: { id?: number; cancel?: number }[] = []
  #transfer: ArrayBuffer[] = []
  #nextId = OPENED + 1
  #closing = false
  #dead: StoreUnavailable | undefined

  constructor(options: LinkOptions) {
    this.#file = options.file
    this.#worker = new Worker(options.entry, {
      workerData: options.data,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: options.heapMb, maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
    })
    this.#worker.on('message', (replies: Reply[]) => this.#take(replies))
    const die = (error: Error) => this.#die(error, options.onFatal)
    this.#worker.on('error', (error) => die(error instanceof Error ? error : new StoreMisused(String(error))))
    this.#worker.on('messageerror', die)
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        die(new StoreUnavailable(`the worker ended with code ${code}`))
        resolve()
      })
    })
  }

  /** Resolves with what the worker says once its file is open. */
  opened<T>(): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#waiting.set(OPENED, { resolve, reject }))
  }

  call<K extends keyof C>(
    op: K,
    ask: C[K]['ask'],
    options: { transfer?: ArrayBuffer[]; signal?: AbortSignal | undefined } = {},
  ): Promise<C[K]['answer']> {
    return this.#ask(op, ask, options.transfer ?? [], options.signal)
  }

  /** Lets what waits finish, closes the file and ends the thread. */
  async close(): Promise<void> {
    if (this.#closing || this.#dead) return this.#exited
    const closed = this.#ask('close', undefined, [], undefined)
    this.#closing = true
    const deadline = setTimeout(() => void this.#worker.terminate(), CLOSE_DEADLINE_MS)
    try {
      await closed
    } finally {
      await this.#exited
      clearTimeout(deadline)
    }
  }

  /** Ends the thread at once; for a start that failed. */
  async terminate(): Promise<void> {
    this.#closing = true
    await this.#worker.terminate()
  }

  #ask<T>(op: PropertyKey, ask: unknown, transfer: ArrayBuffer[], signal: AbortSignal | undefined): Promise<T> {
    if (this.#dead) return Promise.reject(this.#dead)
    if (this.#closing) return Promise.reject(new StoreUnavailable('the store is closed'))
    if (this.#waiting.size >= MAX_WAITING_CALLS) {
      return Promise.reject(new StoreUnavailable('too many requests wait for the store'))
    }
    if (signal?.aborted) return Promise.reject(new ReadCancelled('cancelled', { cause: signal.reason }))
    const id = this.#nextId++
    return new Promise<T>((resolve, reject) => {
      this.#send({ id, op, ask }, transfer)
      if (!signal) {
        this.#waiting.set(id, { resolve, reject })
        return
      }
      const onAbort = () => {
        this.#waiting.delete(id)
        this.#send({ cancel: id } satisfies Cancel, [])
        reject(new ReadCancelled('cancelled', { cause: signal.reason }))
      }
      signal.addEventListener('abort', onAbort, { once: true })
      const leave = () => signal.removeEventListener('abort', onAbort)
      this.#waiting.set(id, {
        resolve(value: T) {
          leave()
          resolve(value)
        },
        reject(error) {
          leave()
          reject(error)
        },
      })
    })
  }

  #send(message: { id: number; op: PropertyKey; ask: unknown } | Cancel, transfer: ArrayBuffer[]): void {
    if (this.#outbox.length === 0) queueMicrotask(() => this.#flush())
    this.#outbox.push(message)
    this.#transfer.push(...transfer)
  }

  /** A thousand calls of one turn are one message. */
  #flush(): void {
    const messages = this.#outbox
    const transfer = this.#transfer
    this.#outbox = []
    this.#transfer = []
    try {
      this.#worker.postMessage(messages, transfer)
    } catch {
      // One of them cannot be copied; nothing was sent or given away. The others go by themselves.
      for (const message of messages) this.#sendAlone(message)
    }
  }

  #sendAlone(message: { id?: number }): void {
    try {
      this.#worker.postMessage([message], [])
    } catch (error) {
      const waiting = this.#waiting.get(message.id ?? OPENED)
      this.#waiting.delete(message.id ?? OPENED)
      waiting?.reject(new StoreMisused('the request cannot be sent to the worker', { cause: error }))
    }
  }

  #take(replies: Reply[]): void {
    for (const reply of replies) {
      const waiting = this.#waiting.get(reply.id)
      // Absent when the caller cancelled while the answer was under way.
      if (!waiting) continue
      this.#waiting.delete(reply.id)
      if ('failure' in reply) waiting.reject(toStoreError(reply.failure, this.#file))
      else waiting.resolve(reply.value)
    }
  }

  #die(cause: Error, onFatal: (error: Error) => void): void {
    if (this.#dead) return
    this.#dead = new StoreUnavailable(`the worker of ${this.#file} is gone`, { cause })
    const expected = this.#closing
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const call of waiting) call.reject(this.#dead)
    if (!expected) onFatal(this.#dead)
  }
}
