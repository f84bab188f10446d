import { type Clock, systemClock } from '@patchbay/core/clock'
import type { Db } from 'mongodb'

/** How often the server is asked for its time. */
const ASK_MS = 10_000
/** What an answer took longer than this says too little. */
const SLOW_MS = 500
/** Less than this is the noise of the way there and back. */
const NOISE_MS = 10

export interface ServerClock extends Clock {
  close(): void
}

/**
 * Time as the database's server has it: all nodes on it give times by one clock, however their own ones are set. Known to half of what an
 * answer takes; durations are this machine's own.
 */
export async function createServerClock(db: Pick<Db, 'command'>): Promise<ServerClock> {
  let offsetMs = 0
  async function ask(noise: number): Promise<void> {
    const sentMs = Date.now()
    const began = performance.now()
    const { localTime } = await db.command({ hello: 1 })
    const tookMs = performance.now() - began
    if (!(localTime instanceof Date) || tookMs > SLOW_MS) return
    const found = localTime.getTime() - (sentMs + tookMs / 2)
    if (Math.abs(found - offsetMs) > noise) offsetMs = Math.round(found)
  }
  await ask(NOISE_MS)
  const timer = setInterval(() => {
    // MongoDB is away: the offset stays as it was.
    ask(NOISE_MS).catch(() => undefined)
  }, ASK_MS).unref()
  return {
    ...systemClock,
    nowMicros: () => (Date.now() + offsetMs) * 1_000,
    close: () => clearInterval(timer),
  }
}
