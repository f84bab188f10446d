import { maxTopicBytes, maxTopicLevels } from '../topic.ts'

const slash = 0x2f
const plus = 0x2b
const hash = 0x23
const dollar = 0x24
const sharePrefix = '$share/'

/** Bytes and characters that neither topics nor filters may have: [MQTT-1.5.4-1] surrogates, [MQTT-4.7.3-2] NUL, [MQTT-4.7.3-3] length. */
function isText(text: string, levelsOf: string): boolean {
  if (text.length === 0 || text.length > maxTopicBytes || Buffer.byteLength(text) > maxTopicBytes) return false
  if (text.includes('\0') || !text.isWellFormed()) return false
  let levels = 1
  for (let at = 0; at < levelsOf.length; at++) if (levelsOf.charCodeAt(at) === slash) levels++
  return levels <= maxTopicLevels
}

/** A name to publish to: no wildcard, and not the form that only subscriptions have. */
export const isTopic = (topic: string): boolean =>
  isText(topic, topic) && !topic.includes('+') && !topic.includes('#') && !topic.startsWith(sharePrefix)

/** [MQTT-4.7.1-1], [MQTT-4.7.1-2]: a wildcard has a level for itself, `#` only the last one. */
function isPlainFilter(filter: string): boolean {
  for (let start = 0; start <= filter.length;) {
    const end = levelEnd(filter, start)
    for (let at = start; at < end; at++) {
      const code = filter.charCodeAt(at)
      if ((code === plus || code === hash) && end - start !== 1) return false
      if (code === hash && end !== filter.length) return false
    }
    start = end + 1
  }
  return true
}

/**
 * The filter that decides what is delivered: of `$share/{group}/{filter}` the last part, else the whole. Undefined when not well formed.
 * A share inside a share is refused, so that no second reading of it exists.
 */
export function toPlainFilter(asked: string): string | undefined {
  // [MQTT-4.8.2-1], [MQTT-4.8.2-2]: a share name of at least one character, without wildcards, then a slash and a filter.
  if (asked === '$share' || asked.startsWith(sharePrefix)) {
    const nameEnd = asked.indexOf('/', sharePrefix.length)
    if (nameEnd <= sharePrefix.length) return undefined
    const name = asked.slice(sharePrefix.length, nameEnd)
    const filter = asked.slice(nameEnd + 1)
    if (name.includes('+') || name.includes('#')) return undefined
    if (filter === '' || filter === '$share' || filter.startsWith(sharePrefix)) return undefined
    return isText(asked, filter) && isPlainFilter(filter) ? filter : undefined
  }
  return isText(asked, asked) && isPlainFilter(asked) ? asked : undefined
}

export const isFilter = (asked: string): boolean => toPlainFilter(asked) !== undefined

function levelEnd(text: string, start: number): number {
  const end = text.indexOf('/', start)
  return end === -1 ? text.length : end
}

const isWild = (code: number) => code === plus || code === hash

/** The level at `start` is the single character `code`. */
const isOnly = (text: string, start: number, end: number, code: number) =>
  end === start + 1 && text.charCodeAt(start) === code

function isSame(a: string, aStart: number, aEnd: number, b: string, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false
  for (let at = 0; at < aEnd - aStart; at++) {
    if (a.charCodeAt(aStart + at) !== b.charCodeAt(bStart + at)) return false
  }
  return true
}

/** What is left after the level that ends at `end` is `/#`, which also stands for nothing. */
const isHashLeft = (filter: string, end: number) => filter.length === end + 2 && filter.charCodeAt(end + 1) === hash

/** [MQTT-4.7.2-1]: a leading wildcard never matches a topic that begins with `$`. */
const hidesDollar = (filter: string, other: string) => other.charCodeAt(0) === dollar && isWild(filter.charCodeAt(0))

/** The topic is among those of the filter. Both must be well formed, the filter without `$share`. Allocates nothing. */
export const matches = (filter: string, topic: string): boolean => covers(filter, topic)

/** Every topic that matches `narrow` matches `wide` too. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true
  if (hidesDollar(wide, narrow)) return false
  // Every topic has a first level, so `+/#` is everything that `#` is.
  if (narrow === '#') return wide === '+/#'
  for (let w = 0, n = 0; ;) {
    const wEnd = levelEnd(wide, w)
    const nEnd = levelEnd(narrow, n)
    if (isOnly(wide, w, wEnd, hash)) return true
    if (isOnly(narrow, n, nEnd, hash)) return false
    if (!isOnly(wide, w, wEnd, plus) && !isSame(wide, w, wEnd, narrow, n, nEnd)) return false
    if (nEnd === narrow.length) return wEnd === wide.length || isHashLeft(wide, wEnd)
    if (wEnd === wide.length) return false
    w = wEnd + 1
    n = nEnd + 1
  }
}

/** Some topic matches both. */
export function intersects(a: string, b: string): boolean {
  if (hidesDollar(a, b) || hidesDollar(b, a)) return false
  for (let i = 0, j = 0; ;) {
    const iEnd = levelEnd(a, i)
    const jEnd = levelEnd(b, j)
    if (isOnly(a, i, iEnd, hash) || isOnly(b, j, jEnd, hash)) return true
    const wild = isOnly(a, i, iEnd, plus) || isOnly(b, j, jEnd, plus)
    if (!wild && !isSame(a, i, iEnd, b, j, jEnd)) return false
    if (iEnd === a.length) return jEnd === b.length || isHashLeft(b, jEnd)
    if (jEnd === b.length) return isHashLeft(a, iEnd)
    i = iEnd + 1
    j = jEnd + 1
  }
}
