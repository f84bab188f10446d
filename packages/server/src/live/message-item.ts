import { isUtf8 } from 'node:buffer'
import type { Clock } from '@patchbay/core/clock'
import type { RefusedError } from '@patchbay/contracts/session'
import type { TappedMessage } from '@patchbay/core/sessions/message-tap'
import { toIso } from '../rest/time.ts'
import type { Item } from './item.ts'
import { liveLimits } from './limits.ts'

interface Kept {
  turn: number
  /** Some messages before it were left out. */
  gap: boolean
  text: string
}

/** The last messages of some devices. Above 200 a second some are left out: `n` counts them all, so a gap in it tells how many. */
export class MessageItem implements Item {
  readonly kind = 'messages'
  readonly id: string
  readonly since: number
  changed = 0
  private readonly clock: Clock
  private kept: Kept[] = []
  private count = 0
  private gap = false
  private tokens: number = liveLimits.messagesPerSecond
  private filledMs: number
  /** The turn of the newest message that is kept no more. */
  private goneTurn = -1

  constructor(id: string, since: number, clock: Clock) {
    this.id = id
    this.since = since
    this.clock = clock
    this.filledMs = clock.monotonicMs()
  }

  /** A message came in: answers how to tell its end, or undefined when it is left out. */
  offer(message: TappedMessage): ((refused: RefusedError | undefined, turn: number) => void) | undefined {
    const n = ++this.count
    this.fill()
    if (this.tokens < 1) {
      this.gap = true
      return undefined
    }
    this.tokens--
    const { gap } = this
    this.gap = false
    const head = toHead(n, this.clock.nowMicros(), message)
    return (refused, turn) => {
      const outcome =
        refused === undefined
          ? { outcome: 'stored' }
          : { outcome: 'refused', code: refused.code, detail: refused.message.slice(0, liveLimits.payloadBytes) }
      this.kept.push({ turn, gap, text: JSON.stringify({ ...head, ...outcome }) })
      if (this.kept.length > liveLimits.messagesKept) this.goneTurn = this.kept.shift()?.turn ?? this.goneTurn
      this.changed = turn
    }
  }

  whole(told: number): string {
    return this.body(
      this.kept.filter(({ turn }) => turn <= told),
      false,
    )
  }

  after(from: number, to: number): string {
    const due = this.kept.filter(({ turn }) => turn > from && turn <= to)
    return due.length === 0 ? '' : this.body(due, this.goneTurn > from)
  }

  private body(due: readonly Kept[], lost: boolean): string {
    const sampled = lost || due.some(({ gap }) => gap)
    return `"items":[${due.map(({ text }) => text).join(',')}]${sampled ? ',"sampled":true' : ''}`
  }

  private fill(): void {
    const now = this.clock.monotonicMs()
    const most = liveLimits.messagesPerSecond
    this.tokens = Math.min(most, this.tokens + ((now - this.filledMs) * most) / 1000)
    this.filledMs = now
  }
}

function toHead(n: number, at: number, { bytes, device, ...message }: TappedMessage) {
  // The adapter may use its buffer again, so what is shown is copied now.
  const shown = Buffer.from(bytes.subarray(0, liveLimits.payloadBytes))
  const cut = shown.length < bytes.length
  const text = cut ? withoutHalfCharacter(shown) : shown
  return {
    n,
    at: toIso(at),
    from: message.from,
    ...(device === undefined || device === message.from ? {} : { device }),
    protocol: message.protocol,
    topic: message.topic,
    qos: message.qos,
    retain: message.retain,
    bytes: bytes.length,
    ...(isUtf8(text) ? { payload: text.toString() } : { base64: shown.toString('base64') }),
    ...(cut ? { cut: true } : {}),
  }
}

/** A cut may fall into a character of up to four bytes. */
function withoutHalfCharacter(bytes: Buffer): Buffer {
  for (let back = 0; back < 4; back++) {
    const shorter = bytes.subarray(0, bytes.length - back)
    if (isUtf8(shorter)) return shorter
  }
  return bytes
}
