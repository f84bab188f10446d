import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Consumer, type Message, type MessagesStream } from '@platformatic/kafka'
import type { Log } from '@patchbay/sdk'
import type { Intake, SourceMessage } from '@patchbay/sdk/source'
import { assertBrokers } from './brokers.ts'
import { toClient } from './client.ts'
import type { Config } from './config.ts'
import { toSourceMessage } from './message.ts'
import { toWords } from './words.ts'

/** A member that is gone without a word, as after a kill, holds its partitions so long. */
const sessionMs = 8000
const rebalanceMs = 20_000
const heartbeatMs = 2000
/** Messages that are taken at once, and that wait beside them; a fetch may bring as many more as it has bytes. */
const batchMessages = 2000
const waitingMessages = 2000
const fetchBytes = 8 * 1024 * 1024
const partitionBytes = 1024 * 1024
const fetchWaitMs = 500
/** A client whose broker is away may not hold up a stop. */
const closeMs = 2000
/** Between two clients; the last one repeats. */
const backOffMs = [500, 1000, 2000, 5000]
export const lagEveryMs = 2000

type In = Consumer
type Stream = MessagesStream<Buffer, Buffer, Buffer, Buffer>

export interface ReaderOptions {
  config: Config
  group: string
  intake: Pick<Intake, 'take'>
  stop: AbortSignal
  log: Log
  /** The brokers cannot be read, and why; undefined: they can. */
  trouble: (why: string | undefined) => void
  lag: (lag: { records: number; seconds: number }) => void
}

/** What lies together at the front of the stream. */
function drain(stream: Stream): Message[] {
  const batch: Message[] = []
  while (batch.length < batchMessages) {
    const message: Message | null = stream.read()
    if (message === null) break
    batch.push(message)
  }
  return batch
}

/** Where each partition goes on, of those that are still ours: another member may have been given the others meanwhile. */
function toOffsets(batch: readonly Message[], consumer: In) {
  const ours = new Map((consumer.assignments ?? []).map(({ topic, partitions }) => [topic, new Set(partitions)]))
  const next = new Map<string, { topic: string; partition: number; offset: bigint; leaderEpoch: number }>()
  for (const { topic, partition, offset, leaderEpoch } of batch)
    if (ours.get(topic)?.has(partition))
      next.set(`${topic}:${partition}`, { topic, partition, offset: offset + 1n, leaderEpoch })
  return [...next.values()]
}

async function endOf(work: Promise<unknown>): Promise<void> {
  const cancel = new AbortController()
  // Whatever it says: this client is not used any more.
  await Promise.race([
    work.catch(() => undefined),
    wait(closeMs, undefined, { signal: cancel.signal }).catch(() => undefined),
  ])
  cancel.abort()
}

/** Reads a consumer group. */
export interface Reader {
  /** For as long as the instance runs: each batch is durable here before its offsets are committed there. */
  run(): Promise<void>
  /** Asks the brokers how much waits, and says it. */
  tellLag(): Promise<void>
}

/** Makes the reader of one instance. */
export function createReader(options: ReaderOptions): Reader {
  const { config, group, intake, stop, log, trouble } = options
  let tries = 0
  let lastAt = Date.now() * 1000
  let current: In | undefined

  async function takeBatch(batch: readonly Message[], consumer: In): Promise<void> {
    const messages: SourceMessage[] = batch.flatMap((message) => toSourceMessage(message) ?? [])
    const unkept = await intake.take(messages)
    if (unkept.size > 0) {
      const places = [...unkept].slice(0, 5).map(({ where }) => where)
      log.error('refused messages are not kept: there are as many dead letters as may be', {
        count: unkept.size,
        places,
      })
    }
    lastAt = messages.at(-1)?.at ?? lastAt
    const offsets = toOffsets(batch, consumer)
    if (offsets.length > 0) await consumer.commit({ offsets })
  }

  async function readOnce(): Promise<void> {
    await assertBrokers(config)
    const consumer: In = new Consumer({
      ...toClient(config),
      groupId: group,
      sessionTimeout: sessionMs,
      rebalanceTimeout: rebalanceMs,
      heartbeatInterval: heartbeatMs,
    })
    const broken = new AbortController()
    // Without an ear, an error in the background would end the process.
    consumer.on('error', (error: Error) => broken.abort(error))
    consumer.on('consumer:heartbeat:stalled', ({ lastError }) =>
      broken.abort(lastError ?? new Error('The group is silent.')),
    )
    const onStop = (): void => broken.abort(stop.reason)
    stop.addEventListener('abort', onStop, { once: true })
    let stream: Stream | undefined
    try {
      stream = await consumer.consume({
        topics: [...config.topics],
        autocommit: false,
        mode: 'committed',
        fallbackMode: config.begin,
        maxWaitTime: fetchWaitMs,
        maxBytes: fetchBytes,
        maxBytesPerPartition: partitionBytes,
        highWaterMark: waitingMessages,
      })
      const from = stream
      current = consumer
      trouble(undefined)
      from.on('error', (error) => broken.abort(error))
      from.on('close', () => broken.abort(new Error('The brokers closed the stream.')))
      // Only flowing or with this ear does the client fetch.
      from.on('readable', () => undefined)
      for (;;) {
        broken.signal.throwIfAborted()
        const batch = drain(from)
        if (batch.length > 0) await takeBatch(batch, consumer)
        else await once(from, 'readable', { signal: broken.signal })
        tries = 0
      }
    } catch (error) {
      throw broken.signal.aborted ? broken.signal.reason : error
    } finally {
      current = undefined
      stop.removeEventListener('abort', onStop)
      await endOf(consumer.close(true))
      stream?.destroy()
    }
  }

  async function tellLag(): Promise<void> {
    if (!current) return
    try {
      const lag = await current.getLag({ topics: [...config.topics] })
      const records = [...lag.values()].flat().reduce((sum, each) => sum + (each > 0n ? Number(each) : 0), 0)
      const seconds = records === 0 ? 0 : Math.max(0, (Date.now() * 1000 - lastAt) / 1e6)
      options.lag({ records, seconds })
    } catch (error) {
      log.debug('the lag cannot be read', { why: toWords(error) })
    }
  }

  async function run(): Promise<void> {
    while (!stop.aborted) {
      try {
        await readOnce()
      } catch (error) {
        if (stop.aborted) return
        trouble(toWords(error))
        // A stop ends the wait, and then the loop.
        await wait(backOffMs[Math.min(tries, backOffMs.length - 1)], undefined, { signal: stop }).catch(() => undefined)
        tries += 1
      }
    }
  }

  return { run, tellLag }
}
