import type { FeedStatus } from '@patchbay/contracts/feed'
import type { Clock } from '../clock.ts'
import { createDeadLetters, type DeadLetters, forgetLetters, type LetterChoice } from './dead-letters.ts'
import type { Redriven } from './redrive.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore } from '../registry/port.ts'
import { createFeed, type Feed, type FeedOptions } from './feed.ts'
import { type FeedItem, letterOfMessage } from './feed-letter.ts'

/** All sources and what they bring in. */
export interface Feeds {
  /** `plugin/name`; the feed is there once its dead letters are counted. */
  open(instance: string, retake: FeedOptions['retake']): Promise<Feed>
  /** It does not run any more. */
  close(instance: string, feed: Feed): void
  status(instance: string): Promise<FeedStatus>
  /** Of those that run. */
  running(): ReadonlyMap<string, FeedStatus>
  letters(instance: string): Promise<DeadLetters<FeedItem>>
  /** Rejects with STATE_CONFLICT for one that does not run. */
  redrive(instance: string, choice: LetterChoice): Promise<Redriven>
  /** It is gone, with all it has. */
  forget(instance: string): Promise<void>
}

export function createFeeds({ registry, clock }: { registry: RegistryStore; clock: Clock }): Feeds {
  const live = new Map<string, Feed>()
  const known = new Map<string, Promise<DeadLetters<FeedItem>>>()

  const lettersOf = (instance: string): Promise<DeadLetters<FeedItem>> => {
    const found = known.get(instance)
    if (found) return found
    const made = (async () => {
      const letters = createDeadLetters({ registry, instance, source: letterOfMessage })
      await letters.load()
      return letters
    })()
    known.set(instance, made)
    // What could not be counted is counted when it is asked for again.
    made.catch(() => known.delete(instance))
    return made
  }

  return {
    async open(instance, retake) {
      const feed = createFeed({ letters: await lettersOf(instance), clock, retake })
      live.set(instance, feed)
      return feed
    },
    close(instance, feed) {
      if (live.get(instance) === feed) live.delete(instance)
    },
    async status(instance) {
      const running = live.get(instance)
      if (running) return running.status()
      const { count } = await lettersOf(instance)
      return { taken: 0, refused: 0, unkept: 0, rate: 0, deadLetters: count }
    },
    running: () => new Map([...live].map(([instance, feed]) => [instance, feed.status()])),
    letters: lettersOf,
    async redrive(instance, choice) {
      const running = live.get(instance)
      if (!running) throw new DomainError('STATE_CONFLICT', `${instance} does not run. Enable it, then send again.`)
      return running.redrive(choice)
    },
    async forget(instance) {
      await forgetLetters(registry, instance)
      known.delete(instance)
    },
  }
}
