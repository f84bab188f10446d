import type { FeedStatus } from '@patchbay/contracts/feed'
import type { Clock } from '../clock.ts'
import type { DeadLetters, LetterChoice } from './dead-letters.ts'
import { createRate } from './rate.ts'
import type { Redriven } from './redrive.ts'
import { isRefused } from '../refused.ts'
import { feedLimits } from './feed-limits.ts'
import type { FeedItem } from './feed-letter.ts'

/** A message that was refused, and why. */
export interface RefusedMessage {
  id: string
  reply: string
  item: Record<string, unknown>
}

/** How far the other side is ahead. */
export interface FeedLag {
  records: number
  seconds: number
}

/** What one source brings in. */
export interface Feed {
  status(): FeedStatus
  report(what: { taken?: number; refused?: number; lag?: FeedLag }): void
  /** Durable when resolved; answers how many of the first were kept. */
  park(refused: readonly RefusedMessage[]): Promise<number>
  /** Has its source take dead letters again. */
  redrive(choice: LetterChoice): Promise<Redriven>
}

export interface FeedOptions {
  letters: DeadLetters<FeedItem>
  clock: Clock
  /** The source takes a message again; rejects with Refused. */
  retake: (item: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<void>
}

const toIso = (micros: number): string => new Date(micros / 1000).toISOString()

const fits = ({ id, item }: RefusedMessage): boolean =>
  id.length <= feedLimits.idChars && JSON.stringify(item).length <= feedLimits.letterChars * 2

export function createFeed({ letters, clock, retake }: FeedOptions): Feed {
  const rate = createRate()
  let taken = 0
  let refused = 0
  let unkept = 0
  let lag: FeedLag | undefined
  let lastError: FeedStatus['lastError']

  return {
    status: () => ({
      taken,
      refused,
      unkept,
      rate: rate.of(clock.monotonicMs()),
      deadLetters: letters.count,
      ...(lag ? { lag } : {}),
      ...(lastError ? { lastError } : {}),
    }),
    report(what) {
      if (what.taken !== undefined) {
        taken += what.taken
        rate.add(what.taken, clock.monotonicMs())
      }
      refused += what.refused ?? 0
      if (what.lag) lag = what.lag
    },
    async park(given) {
      const kept = given.slice(0, letters.room).filter(fits)
      const now = toIso(clock.nowMicros())
      if (kept.length > 0)
        await letters.park(
          kept.map(({ id, reply, item }) => ({ item: { id, body: item }, reply })),
          now,
        )
      refused += given.length
      unkept += given.length - kept.length
      const last = given.at(-1)
      if (last) lastError = { at: now, text: last.reply }
      return kept.length
    },
    async redrive(choice) {
      const chosen = await letters.take(choice)
      const total: Redriven = { delivered: 0, refused: 0, left: 0 }
      for (const { letter, item } of chosen) {
        try {
          await retake(item.body, AbortSignal.timeout(feedLimits.retakeMs))
        } catch (error) {
          const reply = error instanceof Error ? error.message : String(error)
          total.reply = reply
          // What may help later is tried again by whoever asks again.
          if (!isRefused(error) || error.reason === 'unavailable') break
          await letters.park([{ item, reply }], toIso(clock.nowMicros()))
          total.refused += 1
          continue
        }
        await letters.drop([letter])
        total.delivered += 1
      }
      return { ...total, left: chosen.length - total.delivered - total.refused }
    },
  }
}
