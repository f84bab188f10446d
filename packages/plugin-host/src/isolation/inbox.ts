import { HostError } from '../errors.ts'
import { createPace } from './pace.ts'
import { type Entry, type Frame, fromFrame } from './wire.ts'

/** What one guest may send: far more than any plugin needs, and little enough that the host can go on. */
export interface InboxLimits {
  /** Beyond these two it waits until the second is over. */
  messagesPerSecond: number
  /** Characters of JSON, which the host has to parse; the bytes beside it cost it nothing. */
  textPerSecond: number
  /** Of one frame, which is parsed in one go. */
  maxFrameText: number
  /** All three of what was not looked at yet: a guest that waits as it should never gets there. */
  maxWaitingFrames: number
  maxWaitingText: number
  maxWaitingBytes: number
}

/** Frames as they came. Each is parsed when its turn comes: until then it is one string and one buffer, whatever is in it. */
export interface Inbox {
  /** Something can be taken now. */
  readonly waiting: boolean
  /** How long the next frame has to wait, because so much came before it. */
  readonly pausedMs: number
  /** Frames that came, and those of them that were worked through. */
  readonly arrived: number
  readonly done: number
  /** Throws beyond a limit. */
  add(frame: Frame): void
  /** Hands so many messages on at most, and says how many. Throws what reading or handling one throws. */
  take(most: number): number
  clear(): void
}

export interface InboxOptions {
  limits: InboxLimits
  /** A frame waits no longer. */
  looked?(frame: Frame): void
}

const none: readonly Entry[] = []

export function createInbox(handle: (entry: Entry) => void, { limits, looked }: Partial<InboxOptions> = {}): Inbox {
  let frames: Frame[] = []
  let entries = none
  let next = 0
  let arrived = 0
  let text = 0
  let bytes = 0
  const pace = limits && createPace({ messages: limits.messagesPerSecond, text: limits.textPerSecond })
  const pausedMs = (): number => (frames.length > 0 ? (pace?.pausedMs ?? 0) : 0)
  const open = (frame: Frame): void => {
    text -= frame.text.length
    bytes -= frame.bytes.length
    entries = fromFrame(frame)
    next = 0
    // A frame is work even with nothing in it.
    pace?.taken(Math.max(1, entries.length), frame.text.length)
    looked?.(frame)
  }

  return {
    get waiting() {
      return next < entries.length || (frames.length > 0 && pausedMs() === 0)
    },
    get pausedMs() {
      return next < entries.length ? 0 : pausedMs()
    },
    get arrived() {
      return arrived
    },
    get done() {
      return arrived - frames.length - (next < entries.length ? 1 : 0)
    },
    add(frame) {
      if (limits && frame.text.length > limits.maxFrameText)
        throw new HostError(
          'PLUGIN_LIMIT',
          `One batch of messages of the plugin has more than ${limits.maxFrameText} characters.`,
        )
      arrived += 1
      text += frame.text.length
      bytes += frame.bytes.length
      if (limits && (text > limits.maxWaitingText || bytes > limits.maxWaitingBytes))
        throw new HostError(
          'PLUGIN_LIMIT',
          `More than ${limits.maxWaitingText} characters, or ${limits.maxWaitingBytes} bytes, of the plugin wait for the host.`,
        )
      if (limits && frames.length >= limits.maxWaitingFrames)
        throw new HostError(
          'PLUGIN_LIMIT',
          `More than ${limits.maxWaitingFrames} batches of messages of the plugin wait for the host.`,
        )
      frames.push(frame)
    },
    take(most) {
      let taken = 0
      while (taken < most) {
        const entry = entries[next]
        if (entry) {
          next += 1
          taken += 1
          handle(entry)
          continue
        }
        entries = none
        const frame = pausedMs() === 0 ? frames.shift() : undefined
        if (!frame) break
        open(frame)
        if (entries.length === 0) taken += 1
      }
      return taken
    },
    clear() {
      frames = []
      entries = none
      next = 0
    },
  }
}
