import type { SQLInputValue } from 'node:sqlite'
import type { RedisArgument } from '@patchbay/sdk'
import { storeUnavailable } from '../errors.ts'
import type { Statement } from '../persistence/schema.ts'
import { toList, toText } from './answers.ts'
import type { Script } from './scripts.ts'

/** More unwritten changes than this, or more bytes, and Redis is as good as away. */
const maxPending = 50_000
const maxPendingBytes = 64 * 1024 * 1024
/** What one script does at once: others wait for it. */
const maxBatch = 500
const maxBatchBytes = 4 * 1024 * 1024
/** Whoever waits for a change is told so long after that it is not certain; it is still written when Redis is back. */
const patienceMs = 4_000
const retryMs = 100
const lookMs = 250

type Operation = Statement | 'append' | 'send' | 'leave' | 'expireSession'

interface Change {
  readonly name: Operation
  readonly args: readonly RedisArgument[]
  readonly bytes: number
  readonly sinceMs: number
  readonly onDropped: (() => void) | undefined
  /** Worth nothing later: it is taken out when whoever waited for it was told that it is not certain. */
  readonly isFleeting: boolean
  resolve(): void
  reject(error: Error): void
}

export interface RedisJournalOptions {
  life: string
  run(script: Script, ...args: readonly RedisArgument[]): Promise<unknown>
  /** After each batch: the place in the changes behind it, and the nodes that have to know them. */
  onCommitted(place: string, lives: readonly string[]): void
  /** The others have buried this node. */
  onGone(): void
}

/** Embedded rows that one script does in one go, or that nodes keep in another way. */
const notShared = new Set<Operation>(['unsubscribeAll', 'dequeueAll', 'forgetAll', 'enqueue', 'untimeWill'])

/**
 * Writes the broker's state to the Redis that nodes share. One batch is under way at a time, so that changes are done in their order; it is
 * tried again until it is done, and done once.
 */
export class RedisJournal {
  readonly #options: RedisJournalOptions
  #pending: Change[] = []
  #pendingBytes = 0
  #underWay = 0
  #isRunning = false
  #isUp = false
  #downSinceMs = Number.NEGATIVE_INFINITY
  #batch = 0
  #closed: Error | undefined
  #idle: (() => void)[] = []
  #current: readonly Change[] = []
  readonly #impatient: NodeJS.Timeout

  constructor(options: RedisJournalOptions) {
    this.#options = options
    this.#impatient = setInterval(() => this.#tellLate(), lookMs).unref()
  }

  get pending(): number {
    return this.#pending.length + this.#underWay
  }

  up(): void {
    this.#isUp = true
    void this.#work()
  }

  down(): void {
    if (this.#isUp) this.#downSinceMs = performance.now()
    this.#isUp = false
  }

  write(statement: Statement, ...parameters: readonly SQLInputValue[]): Promise<void> {
    if (notShared.has(statement)) return Promise.resolve()
    return this.#add(
      statement,
      parameters.map((each) => (each === null ? '' : typeof each === 'bigint' ? String(each) : toArgument(each))),
    )
  }

  note(statement: Statement, ...parameters: readonly SQLInputValue[]): void {
    this.write(statement, ...parameters).catch(ignore)
  }

  /** For what is worth nothing later: it waits a little for a Redis that is away, and is not written at all after that. */
  writeNow(name: Operation, args: readonly RedisArgument[], onDropped?: () => void): Promise<void> {
    if (!this.#isUp && performance.now() - this.#downSinceMs > patienceMs) {
      return Promise.reject(storeUnavailable(new Error('Redis is away')))
    }
    return this.#add(name, args, onDropped, true)
  }

  async flushed(): Promise<void> {
    if (this.#closed !== undefined) throw storeUnavailable(this.#closed)
    if (this.pending === 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(storeUnavailable(new Error('Redis is away'))), patienceMs)
    this.#idle.push(resolve)
    try {
      await promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** What is not written by now is not written by this node. */
  end(why: Error): void {
    this.#closed ??= why
    clearInterval(this.#impatient)
    for (const change of this.#pending.splice(0)) change.reject(storeUnavailable(why))
    this.#pendingBytes = 0
  }

  #add(name: Operation, args: readonly RedisArgument[], onDropped?: () => void, isFleeting = false): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(storeUnavailable(this.#closed))
    let bytes = 64
    for (const arg of args) bytes += typeof arg === 'number' ? 8 : arg.length
    if (this.#pending.length >= maxPending || this.#pendingBytes + bytes > maxPendingBytes) {
      return Promise.reject(storeUnavailable(new Error('Too much waits for Redis')))
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#pending.push({ name, args, bytes, sinceMs: performance.now(), onDropped, isFleeting, resolve, reject })
    this.#pendingBytes += bytes
    void this.#work()
    return promise
  }

  async #work(): Promise<void> {
    if (this.#isRunning || !this.#isUp) return
    this.#isRunning = true
    try {
      // changes of one turn share a batch
      await new Promise((resolve) => setImmediate(resolve))
      while (this.#isUp && this.#pending.length > 0 && this.#closed === undefined) await this.#commit(this.#take())
    } finally {
      this.#isRunning = false
    }
    if (this.pending === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #take(): Change[] {
    let bytes = 0
    let count = 0
    for (const change of this.#pending) {
      bytes += change.bytes
      if (count > 0 && bytes > maxBatchBytes) break
      if (++count >= maxBatch) break
    }
    const batch = this.#pending.splice(0, count)
    for (const change of batch) this.#pendingBytes -= change.bytes
    return batch
  }

  async #commit(batch: readonly Change[]): Promise<void> {
    const args: RedisArgument[] = [this.#options.life, ++this.#batch]
    for (const [at, { name, args: own }] of batch.entries()) {
      if (name === 'append') args.push(name, own.length + 1, ...own, at)
      else args.push(name, own.length, ...own)
    }
    this.#underWay = batch.length
    this.#current = batch
    try {
      for (;;) {
        if (this.#closed !== undefined) throw this.#closed
        const answer = this.#isUp ? await this.#options.run('commit', ...args).catch(toError) : undefined
        if (Array.isArray(answer)) return this.#committed(batch, answer)
        // refused for what it is, and not for the way there: it would be refused for ever
        if (answer instanceof Error && answer.message.includes('ERR ')) throw answer
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    } catch (error) {
      for (const change of batch) change.reject(storeUnavailable(error))
    } finally {
      this.#current = []
      this.#underWay = 0
    }
  }

  #tellLate(): void {
    const late = performance.now() - patienceMs
    const error = storeUnavailable(new Error('Redis does not answer'))
    for (const change of this.#current) if (change.sinceMs <= late) change.reject(error)
    const first = this.#pending[0]
    if (first === undefined || first.sinceMs > late) return
    this.#pending = this.#pending.filter((change) => {
      if (change.sinceMs > late) return true
      change.reject(error)
      if (change.isFleeting) this.#pendingBytes -= change.bytes
      return !change.isFleeting
    })
  }

  #committed(batch: readonly Change[], answer: unknown): void {
    const [state, place, dropped, ...lives] = toList(answer)
    if (toText(state) === 'gone') {
      const error = new Error('The other nodes took this one for dead')
      for (const change of batch) change.reject(storeUnavailable(error))
      this.end(error)
      this.#options.onGone()
      return
    }
    this.#options.onCommitted(toText(place), lives.map(toText))
    for (const at of toText(dropped).split(',')) if (at !== '') batch[Number(at)]?.onDropped?.()
    for (const change of batch) change.resolve()
  }
}

const toArgument = (value: Exclude<SQLInputValue, null | bigint>): RedisArgument =>
  typeof value === 'string' || typeof value === 'number'
    ? value
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength)

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** Nobody waits for it. */
const ignore = () => undefined
