import { HostError } from '../errors.ts'
import { type Entry, type Frame, fromFrame } from './wire.ts'

/** What one guest may send: far more than any plugin needs, and little enough that the host can go on. */
export interface InboxLimits {
  maxMessagesPerSecond: number
  /** Characters of JSON, which the host has to parse; the bytes beside it cost it nothing. */
  maxTextPerSecond: number
  /** Of one frame, which is parsed in one go. */
  maxFrameText: number
  /** All three of what was not looked at yet. */
  maxWaitingFrames: number
  maxWaitingText: number
  maxWaitingBytes: number
}

/** Frames as they came. Each is parsed when its turn comes: until then it is one string and one buffer, whatever is in it. */
export interface Inbox {
  readonly waiting: boolean
  /** Frames that came, and those of them that were worked through. */
  readonly arrived: number
  readonly done: number
  /** Throws beyond a limit. */
  add(frame: Frame): void
  /** Hands so many messages on at most, and says how many. Throws what reading or handling one throws. */
  take(most: number): number
  clear(): void
}

const windowMs = 1000
const none: readonly Entry[] = []

export function createInbox(handle: (entry: Entry) => void, limits?: InboxLimits): Inbox {
  let frames: Frame[] = []
  let entries = none
  let next = 0
  let arrived = 0
  let text = 0
  let bytes = 0
  let windowEndsMs = 0
  let messagesInWindow = 0
  let textInWindow = 0

  const assertRate = (more: Entry[], characters: number): void => {
    if (!limits) return
    const nowMs = performance.now()
    if (nowMs >= windowEndsMs) {
      windowEndsMs = nowMs + windowMs
      messagesInWindow = 0
      textInWindow = 0
    }
    // A frame is work even with nothing in it.
    messagesInWindow += Math.max(1, more.length)
    textInWindow += characters
    if (messagesInWindow > limits.maxMessagesPerSecond)
      throw new HostError(
        'PLUGIN_LIMIT',
        `The plugin sent more than ${limits.maxMessagesPerSecond} messages within a second.`,
      )
    if (textInWindow > limits.maxTextPerSecond)
      throw new HostError(
        'PLUGIN_LIMIT',
        `The plugin sent more than ${limits.maxTextPerSecond} characters within a second.`,
      )
  }
  const open = (frame: Frame): void => {
    text -= frame.text.length
    bytes -= frame.bytes.length
    const found = fromFrame(frame)
    assertRate(found, frame.text.length)
    entries = found
    next = 0
  }

  return {
    get waiting() {
      return next < entries.length || frames.length > 0
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
        const frame = frames.shift()
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
