import type { Endpoint } from './endpoint.ts'
import { refuse } from './errors.ts'
import { limits } from './limits.ts'

/** What became of a confirmable message. */
export type Outcome = 'acknowledged' | 'reset' | 'lost'

interface Letter {
  endpoint: Endpoint
  messageId: number
  bytes: Buffer
  tries: number
  waitMs: number
  timer?: NodeJS.Timeout
  settle: (outcome: Outcome) => void
}

/**
 * Sends confirmable messages until they are acknowledged: RFC 7252, section 4.2. One at a time to an endpoint, as NSTART (section 4.7)
 * demands, the others in order behind it.
 */
export function createOutbox(random: () => number) {
  const queues = new Map<string, Letter[]>()
  let waiting = 0

  const begin = (letter: Letter) => {
    const { ackTimeoutMs, ackRandomFactor } = limits
    // "the initial timeout is set to a random duration between ACK_TIMEOUT and (ACK_TIMEOUT * ACK_RANDOM_FACTOR)"
    letter.waitMs = ackTimeoutMs * (1 + random() * (ackRandomFactor - 1))
    transmit(letter)
  }
  function transmit(letter: Letter): void {
    letter.endpoint.send(letter.bytes)
    letter.timer = setTimeout(() => {
      if (letter.tries === limits.maxRetransmit) return finish(letter, 'lost')
      letter.tries++
      letter.waitMs *= 2
      transmit(letter)
    }, letter.waitMs).unref()
  }
  function finish(letter: Letter, outcome: Outcome): void {
    clearTimeout(letter.timer)
    const { key } = letter.endpoint
    const queue = queues.get(key)
    if (queue?.[0] !== letter) return
    queue.shift()
    waiting--
    const next = queue[0]
    if (next) begin(next)
    else queues.delete(key)
    letter.settle(outcome)
  }

  return {
    /** Throws Refused when the endpoint, or all together, have not acknowledged too many. */
    send(endpoint: Endpoint, messageId: number, bytes: Buffer): Promise<Outcome> {
      const queue = queues.get(endpoint.key) ?? []
      if (queue.length >= limits.outboxPerEndpoint || waiting >= limits.outbox) throw refuse('COAP_OUTBOX_FULL')
      return new Promise((settle) => {
        const letter: Letter = { endpoint, messageId, bytes, tries: 0, waitMs: 0, settle }
        queues.set(endpoint.key, queue)
        queue.push(letter)
        waiting++
        if (queue.length === 1) begin(letter)
      })
    },
    /** An ACK or RST came; false when nothing waits for it. */
    settle(endpoint: string, messageId: number, outcome: Outcome): boolean {
      const letter = queues.get(endpoint)?.[0]
      if (letter?.messageId !== messageId) return false
      finish(letter, outcome)
      return true
    },
    /** Gives up on all that waits for an endpoint. */
    drop(endpoint: string): void {
      const queue = queues.get(endpoint) ?? []
      queues.delete(endpoint)
      waiting -= queue.length
      for (const letter of queue) {
        clearTimeout(letter.timer)
        letter.settle('lost')
      }
    },
    close(): void {
      for (const key of queues.keys()) this.drop(key)
    },
    get size() {
      return waiting
    },
  }
}
