import type { Clock } from '../clock.ts'
import { HostError } from '../errors.ts'
import { type Channel, pingOp } from './channel.ts'
import { maxFramesAhead } from './frame-window.ts'
import { maxMissedPings } from './level.ts'

export interface PingOptions {
  channel: Pick<Channel, 'call' | 'arrived' | 'done'>
  clock: Pick<Clock, 'after'>
  everyMs: number
  /** Each answer; what it throws ends the watch, too. */
  look(answer: unknown): void
  /** It does not answer any more. */
  hung(error: Error): void
}

/** Asks a guest at intervals whether it is still there. */
export interface Ping {
  start(): void
  stop(): void
}

export function createPing({ channel, clock, everyMs, look, hung }: PingOptions): Ping {
  let missed = 0
  let answered = true
  /** The answer may be in what has come when it is missed, or in what may be under way then: it is in nothing that comes later. */
  let lastBatch: number | undefined
  let arrivedBefore = 0
  let cancel: () => void = () => undefined

  const ask = async (): Promise<void> => {
    answered = false
    try {
      const { value } = await channel.call(pingOp)
      answered = true
      look(value)
    } catch (error) {
      // Unanswered: it is missed, or its channel is closed.
      if (answered) hung(error instanceof Error ? error : new HostError('PLUGIN_HUNG'))
    }
  }
  const turn = (): void => {
    missed = answered ? 0 : missed + 1
    const { arrived, done } = channel
    const silent = done === arrived && arrived === arrivedBefore
    arrivedBefore = arrived
    if (missed < maxMissedPings) lastBatch = undefined
    else if (done >= (lastBatch ??= arrived + maxFramesAhead + 1) || silent)
      return hung(
        new HostError(
          'PLUGIN_HUNG',
          `It did not answer for ${(missed * everyMs) / 1000} s: its code does not come to an end.`,
        ),
      )
    if (answered) void ask()
    cancel = clock.after(everyMs, turn)
  }
  return {
    start: () => void (cancel = clock.after(everyMs, turn)),
    stop: () => cancel(),
  }
}
