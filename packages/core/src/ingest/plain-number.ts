const powers = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]
const maxExactDigits = 15

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/**
 * Reads `-12.50` straight from the bytes. With at most 15 digits both the integer and the power of ten are exact doubles, so that
 * their quotient is the correctly rounded value. Answers NaN for everything else (exponents, more digits, no number): the caller
 * then takes the long way.
 */
export function readPlainNumber(bytes: Uint8Array): number {
  let i = 0
  let end = bytes.length
  while (i < end && isSpace(bytes[i])) i++
  while (end > i && isSpace(bytes[end - 1])) end--
  const negative = bytes[i] === 0x2d
  if (negative) i++
  const first = bytes[i] ?? 0
  if (first < 0x30 || first > 0x39) return Number.NaN
  // JSON has no leading zeros.
  if (first === 0x30 && i + 1 < end && bytes[i + 1] !== 0x2e) return Number.NaN
  let value = 0
  let digits = 0
  let fraction = -1
  for (; i < end; i++) {
    const c = bytes[i] ?? 0
    if (c >= 0x30 && c <= 0x39) {
      if (++digits > maxExactDigits) return Number.NaN
      value = value * 10 + (c - 0x30)
      if (fraction >= 0) fraction++
    } else if (c === 0x2e && fraction < 0) fraction = 0
    else return Number.NaN
  }
  if (fraction === 0) return Number.NaN
  if (fraction > 0) value /= powers[fraction] ?? Number.NaN
  return negative ? -value : value
}
