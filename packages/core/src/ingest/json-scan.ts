import { refuse } from '../errors.ts'
import { ingestLimits } from './limits.ts'

const quote = 0x22
const backslash = 0x5c
const maxSafeText = '9007199254740992'

/** What one pass over the bytes found out. */
export interface JsonScan {
  ascii: boolean
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39

/**
 * Looks at JSON before it is parsed: one pass, no recursion, so that no payload can exhaust the stack or hold up the loop. Refuses what
 * JSON.parse would take but the platform does not: too deep, too many keys, numbers that a double cannot hold, halves of surrogate
 * pairs. Everything that is no JSON at all is left to JSON.parse.
 */
export function scanJson(bytes: Uint8Array): JsonScan {
  const length = bytes.length
  let ascii = true
  let depth = 0
  let keys = 0
  let items = 0
  // Where the last string began and ended: at a colon it is the key.
  let textStart = 0
  let textEnd = 0
  let i = 0
  while (i < length) {
    const byte = bytes[i] ?? 0
    if (byte === quote) {
      textStart = ++i
      for (;;) {
        const c = bytes[i]
        if (c === undefined) return { ascii }
        if (c === quote) break
        if (c === backslash) i = escapeEnd(bytes, i)
        else {
          if (c >= 0x80) ascii = false
          i++
        }
      }
      textEnd = i++
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > ingestLimits.depth) {
        throw refuse('PAYLOAD_INVALID', `The payload is nested deeper than ${ingestLimits.depth} levels.`)
      }
      if (depth <= 2 && byte === 0x7b && ++items > ingestLimits.itemsPerMessage + 1) {
        throw refuse('PAYLOAD_INVALID', `The payload holds more than ${ingestLimits.itemsPerMessage} readings.`)
      }
      i++
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--
      i++
    } else if (byte === 0x3a) {
      if (!(depth <= 2 && isWrapper(bytes, textStart, textEnd)) && ++keys > ingestLimits.keysPerMessage) {
        throw refuse('PAYLOAD_INVALID', `The payload holds more than ${ingestLimits.keysPerMessage} keys.`)
      }
      i++
    } else if (byte === 0x2d || isDigit(byte)) i = numberEnd(bytes, i)
    else {
      if (byte >= 0x80) ascii = false
      i++
    }
  }
  return { ascii }
}

/** `ts` or `values`, which stand around readings and are none. */
export function isWrapper(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start === 2) return bytes[start] === 0x74 && bytes[start + 1] === 0x73
  return (
    end - start === 6 &&
    bytes[start] === 0x76 &&
    bytes[start + 1] === 0x61 &&
    bytes[start + 2] === 0x6c &&
    bytes[start + 3] === 0x75 &&
    bytes[start + 4] === 0x65 &&
    bytes[start + 5] === 0x73
  )
}

/** Steps over an escape; `\ud800` must be followed by its other half, or the text could not be kept as UTF-8. */
function escapeEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at + 1] !== 0x75) return at + 2
  const unit = hexUnit(bytes, at + 2)
  if (unit < 0xd800 || unit > 0xdfff) return at + 6
  const low = bytes[at + 6] === backslash && bytes[at + 7] === 0x75 ? hexUnit(bytes, at + 8) : -1
  if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) {
    throw refuse('PAYLOAD_INVALID', 'A text in the payload holds one half of a surrogate pair.')
  }
  return at + 12
}

/** Four hex digits as a number, -1 when they are none (JSON.parse then says so). */
function hexUnit(bytes: Uint8Array, at: number): number {
  let unit = 0
  for (let i = at; i < at + 4; i++) {
    const c = (bytes[i] ?? 0) | 0x20
    const digit = c >= 0x61 && c <= 0x66 ? c - 87 : c >= 0x30 && c <= 0x39 ? c - 48 : -1
    if (digit < 0) return -1
    unit = unit * 16 + digit
  }
  return unit
}

/** Steps over a number and refuses those that JSON.parse would change: integers beyond 2^53 and what overflows to Infinity. */
function numberEnd(bytes: Uint8Array, start: number): number {
  let i = start
  if (bytes[i] === 0x2d) i++
  const digits = i
  while (isDigit(bytes[i] ?? 0)) i++
  const whole = i - digits
  let exponent = false
  let integer = true
  for (;;) {
    const c = bytes[i] ?? 0
    if (c === 0x65 || c === 0x45) exponent = true
    else if (c !== 0x2e && c !== 0x2b && c !== 0x2d && !isDigit(c)) break
    integer = false
    i++
  }
  if (integer && whole >= 16) {
    const text = Buffer.prototype.latin1Slice.call(bytes, digits, i)
    if (whole > 16 || text > maxSafeText) {
      throw refuse('PAYLOAD_INVALID', 'An integer in the payload is beyond 2^53; send it as text.')
    }
  } else if (
    (exponent || whole > 300) &&
    !Number.isFinite(Number(Buffer.prototype.latin1Slice.call(bytes, start, i)))
  ) {
    // NaN is no JSON and is left to JSON.parse to complain about; Infinity is what it would make of 1e400.
    if (!Number.isNaN(Number(Buffer.prototype.latin1Slice.call(bytes, start, i)))) {
      throw refuse('PAYLOAD_INVALID', 'A number in the payload is too large for a double.')
    }
  }
  return i
}
