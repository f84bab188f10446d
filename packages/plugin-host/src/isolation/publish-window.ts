import { Refused } from '@patchbay/sdk'
import { HostError, isHostError } from '../errors.ts'
import { type Channel, maxCallBytes, maxCalls } from './channel.ts'

/** Messages of one instance that the host has and has not answered. The others wait on this side, in the plugin's own memory. */
export const maxPublishesAtHost = 500
/** What waits behind them without an answer of its own: one close for each session at most. */
export const maxHeldCasts = 10_000
/** So many refusals in one turn of the loop, and the code that asks is one that never waits: the next one is thrown at it. */
export const maxRefusedInTurn = 10_000

/** What did not become a message is refused in the words of the platform. */
export const toRefused = (error: unknown): unknown =>
  isHostError(error) && error.code === 'PLUGIN_LIMIT'
    ? new Refused('quota', 'PLUGIN_LIMIT', 'isolation', error.message)
    : error

interface Held {
  bytes: number
  go(): void
}

type Told = (answer: unknown) => void

/** What publishes, in the order in which it was asked for. */
export interface PublishWindow {
  /** Rejects as refused, with PLUGIN_LIMIT, when too much waits already, and throws that to code that asks on all the same. */
  call(op: string, value: unknown, bytes: Uint8Array): Promise<void>
  /** The same where the host has more to say than that it is done; each has an answer of its own, refused or not. */
  ask(op: string, value: unknown, bytes: Uint8Array): Promise<unknown>
  /** Goes after all that was published before. Throws when too many wait already. */
  cast(op: string, value: unknown): void
}

export function createPublishWindow(channel: Pick<Channel, 'call' | 'cast'>): PublishWindow {
  let held: Held[] = []
  let next = 0
  let heldBytes = 0
  let heldCasts = 0
  let atHost = 0
  let refusals: { each: Promise<never>; error: Refused; count: number } | undefined

  /** One for all of a turn: a plugin that asks a million times too often must not have a million of them, nor go on. */
  const refuse = (): Promise<never> => {
    if (!refusals) {
      const text = `${maxCalls} calls, or ${maxCallBytes} bytes, wait for an answer already.`
      const error = new Refused('quota', 'PLUGIN_LIMIT', 'isolation', text)
      refusals = { each: Promise.reject(error), error, count: 0 }
      setImmediate(() => (refusals = undefined))
    }
    refusals.count += 1
    if (refusals.count > maxRefusedInTurn) throw refusals.error
    return refusals.each
  }
  /** The next one that waits, while the host has room for it. */
  const takeNext = (): Held | undefined => {
    const first = atHost < maxPublishesAtHost ? held[next] : undefined
    if (first) next += 1
    return first
  }
  const goOn = (): void => {
    for (let first = takeNext(); first; first = takeNext()) {
      heldBytes -= first.bytes
      first.go()
    }
    if (next * 2 >= held.length) {
      held = held.slice(next)
      next = 0
    }
  }
  const answered = (): void => {
    atHost -= 1
    goOn()
  }
  const send = async (op: string, value: unknown, bytes: readonly Uint8Array[], told?: Told): Promise<void> => {
    atHost += 1
    try {
      const answer = await channel.call(op, value, bytes)
      told?.(answer.value)
    } catch (error) {
      throw toRefused(error)
    } finally {
      answered()
    }
  }

  function call(op: string, value: unknown, bytes: Uint8Array, told?: Told): Promise<void> {
    if (atHost < maxPublishesAtHost) return send(op, value, [bytes], told)
    if (held.length - next - heldCasts >= maxCalls - maxPublishesAtHost || heldBytes + bytes.length > maxCallBytes)
      return refuse()
    // A copy, since its owner may use the buffer again.
    const copy = bytes.slice()
    heldBytes += copy.length
    return new Promise((resolve, reject) => {
      held.push({ bytes: copy.length, go: () => void send(op, value, [copy], told).then(resolve, reject) })
    })
  }

  return {
    call: (op, value, bytes) => call(op, value, bytes),
    async ask(op, value, bytes) {
      let answer: unknown
      await call(op, value, bytes, (told) => (answer = told))
      return answer
    },
    cast(op, value) {
      if (next >= held.length) return channel.cast(op, value)
      if (heldCasts >= maxHeldCasts) throw new HostError('PLUGIN_LIMIT', `${maxHeldCasts} closes wait already.`)
      heldCasts += 1
      held.push({
        bytes: 0,
        go() {
          heldCasts -= 1
          channel.cast(op, value)
        },
      })
    },
  }
}
