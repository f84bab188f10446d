import { HostError } from '../errors.ts'
import { type Channel, maxCallBytes, maxCalls } from './channel.ts'

/** Messages of one instance that the host has and has not answered. The others wait on this side, in the plugin's own memory. */
export const maxPublishesAtHost = 500
/** What waits behind them without an answer of its own: one close for each session at most. */
export const maxHeldCasts = 10_000

interface Held {
  bytes: number
  go(): void
}

/** What publishes, in the order in which it was asked for. */
export interface PublishWindow {
  /** Rejects with PLUGIN_LIMIT when too much waits already. */
  call(op: string, value: unknown, bytes: Uint8Array): Promise<void>
  /** Goes after all that was published before. Throws when too many wait already. */
  cast(op: string, value: unknown): void
}

export function createPublishWindow(channel: Pick<Channel, 'call' | 'cast'>): PublishWindow {
  let held: Held[] = []
  let next = 0
  let heldBytes = 0
  let heldCasts = 0
  let atHost = 0
  // Made once: a plugin that asks a million times too often must not wait for a million stacks.
  let full: HostError | undefined

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
  const send = async (op: string, value: unknown, bytes: readonly Uint8Array[]): Promise<void> => {
    atHost += 1
    try {
      await channel.call(op, value, bytes)
    } finally {
      answered()
    }
  }

  return {
    call(op, value, bytes) {
      if (atHost < maxPublishesAtHost) return send(op, value, [bytes])
      if (held.length - next - heldCasts >= maxCalls - maxPublishesAtHost || heldBytes + bytes.length > maxCallBytes)
        return Promise.reject(
          (full ??= new HostError(
            'PLUGIN_LIMIT',
            `${maxCalls} calls, or ${maxCallBytes} bytes, wait for an answer already.`,
          )),
        )
      // A copy, since its owner may use the buffer again.
      const copy = bytes.slice()
      heldBytes += copy.length
      return new Promise((resolve, reject) => {
        held.push({ bytes: copy.length, go: () => void send(op, value, [copy]).then(resolve, reject) })
      })
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
