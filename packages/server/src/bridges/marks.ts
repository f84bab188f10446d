import { createHash } from 'node:crypto'
import { maxHops } from '@patchbay/contracts/bridge'

const markChars = 16

/** What a message is marked with when it leaves this platform: the same for the same topic, and another on every other platform. */
export const createMarks = (platform: string): ((topic: string) => string) => {
  const known = new Map<string, string>()
  const maxKnown = 10_000
  return (topic) => {
    const found = known.get(topic)
    if (found !== undefined) return found
    const mark = createHash('sha256').update(`${platform}\0${topic}`).digest('base64url').slice(0, markChars)
    if (known.size >= maxKnown) known.clear()
    known.set(topic, mark)
    return mark
  }
}

/** It has been on this topic here, or on so many topics that it will not come to an end. */
export const isLooped = (passed: readonly string[], mark: string): boolean =>
  passed.length >= maxHops || passed.includes(mark)
