import type { Log } from '@patchbay/sdk'
import type { Intake, SourceMessage } from '@patchbay/sdk/source'

/** What becomes of a message at the broker: it may forget it, has a dead letter exchange for it, or gives it again. */
export type Outcome = 'accept' | 'reject' | 'requeue'

/** Messages that were given and are not acknowledged. */
export interface Inbox {
  offer(message: SourceMessage, settle: (outcome: Outcome) => void): void
  /** Here and not acknowledged. */
  readonly size: number
  /** Resolves when the stop has settled all. */
  readonly ended: Promise<void>
}

/** Messages of one batch. */
const batchMessages = 2000

interface Held {
  message: SourceMessage
  settle: (outcome: Outcome) => void
}

/** Takes what was given in batches, each acknowledged when it is durable; a stop gives back what is not. */
export function createInbox({
  intake,
  stop,
  log,
}: {
  intake: Pick<Intake, 'take'>
  stop: AbortSignal
  log: Log
}): Inbox {
  let waiting: Held[] = []
  let underWay = 0
  let wake = (): void => undefined

  const takeBatch = async (batch: readonly Held[]): Promise<void> => {
    underWay = batch.length
    try {
      const refused = await intake.take(batch.map(({ message }) => message))
      for (const { message, settle } of batch) settle(refused.has(message) ? 'reject' : 'accept')
      if (refused.size > 0)
        log.warn('refused messages went back to the broker', { count: refused.size, first: [...refused][0]?.where })
    } catch (error) {
      for (const { settle } of batch) settle('requeue')
      if (!stop.aborted) throw error
    } finally {
      underWay = 0
    }
  }
  const run = async (): Promise<void> => {
    while (!stop.aborted) {
      if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      else await takeBatch(waiting.splice(0, batchMessages))
    }
    for (const { settle } of waiting.splice(0)) settle('requeue')
  }
  stop.addEventListener('abort', () => wake(), { once: true })

  return {
    offer(message, settle) {
      if (stop.aborted) return settle('requeue')
      waiting.push({ message, settle })
      wake()
    },
    get size() {
      return waiting.length + underWay
    },
    ended: run(),
  }
}
