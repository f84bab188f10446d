import type { Bridge, BridgeMessage, Sink, SinkRecord, WriteAnswer, WriteOptions } from '@patchbay/sdk'

interface Run<T> {
  refused: { record: T; reply: string }[]
  /** Tries that had to be made again. */
  retries: number
  replies: Set<string>
}
export type SinkRun = Run<SinkRecord>
/** As of a sink; `record` is the message. */
export type BridgeRun = Run<BridgeMessage>

export interface SinkRunOptions {
  batch?: number
  /** One try. */
  tryMs?: number
  /** Between tries that did not succeed. */
  pauseMs?: number
  /** All of it. */
  limitMs?: number
  /** Before each batch. */
  onBatch?: (n: number) => void | Promise<void>
}

/** The tries of one run did not come to an end in time. */
export class SinkStuck extends Error {
  override readonly name = 'SinkStuck'
}

/**
 * Brings records to a sink as the platform does, in the plainest way: in order, again and again until they are taken, and by halves where a batch
 * is refused.
 */
export const runSink = (sink: Sink, records: readonly SinkRecord[], options: SinkRunOptions = {}): Promise<SinkRun> =>
  runWrites((part, how) => sink.write(part, how), records, options)

/** The same for the messages of a bridge. */
export const runBridge = (
  bridge: Bridge,
  messages: readonly BridgeMessage[],
  options: SinkRunOptions = {},
): Promise<BridgeRun> =>
  runWrites(
    async (part, how) => bridge.send?.(part, how) ?? { outcome: 'refused', reply: 'It sends no messages.' },
    messages,
    options,
  )

async function runWrites<T>(
  write: (part: readonly T[], how: WriteOptions) => Promise<WriteAnswer>,
  records: readonly T[],
  options: SinkRunOptions,
): Promise<Run<T>> {
  const { batch = 1000, tryMs = 10_000, pauseMs = 100, limitMs = 60_000 } = options
  const run: Run<T> = { refused: [], retries: 0, replies: new Set() }
  const endsMs = performance.now() + limitMs
  let attempt = 1

  const tryOnce = async (part: readonly T[]): Promise<WriteAnswer> => {
    if (performance.now() > endsMs)
      throw new SinkStuck(`not delivered within ${limitMs} ms; the sink said: ${[...run.replies].join('; ')}`)
    return write(part, { attempt, signal: AbortSignal.timeout(tryMs) })
  }
  const again = async (part: readonly T[], replies: readonly string[]): Promise<void> => {
    for (const reply of replies) run.replies.add(reply)
    run.retries += 1
    attempt += 1
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    await deliver(part)
  }
  const deliver = async (part: readonly T[]): Promise<void> => {
    const [first] = part
    if (first === undefined) return
    const answer = await tryOnce(part)
    if (answer.outcome === 'delivered') {
      attempt = 1
    } else if (answer.outcome === 'retry') {
      await again(part, [answer.reply])
    } else if (answer.outcome === 'partial') {
      for (const { index, reply } of answer.refused) {
        const record = part[index]
        if (record) run.refused.push({ record, reply })
      }
      const rest = answer.retry.flatMap(({ index }) => part[index] ?? [])
      const replies = answer.retry.map(({ reply }) => reply)
      await (answer.refused.length > 0 ? deliver(rest) : again(rest, replies))
    } else if (part.length === 1) {
      run.refused.push({ record: first, reply: answer.reply })
    } else {
      const half = Math.ceil(part.length / 2)
      await deliver(part.slice(0, half))
      await deliver(part.slice(half))
    }
  }

  for (let begin = 0; begin < records.length; begin += batch) {
    await options.onBatch?.(begin / batch)
    await deliver(records.slice(begin, begin + batch))
  }
  return run
}
