/** Digits of numbers with so many values are packed together into groups: three values take 1.6 bits, not 2. */
export const MAX_RADIX = 128
const GROUP_BYTES = 6
const GROUP_LIMIT = 2 ** (GROUP_BYTES * 8)
const HALF = 2 ** 24

/** How many digits of each radix fit one group; those of no radix are none. */
const perGroup = Uint8Array.from({ length: MAX_RADIX + 1 }, (_, radix) =>
  radix < 2 ? 0 : Math.floor(Math.log(GROUP_LIMIT) / Math.log(radix) + 1e-9),
)

export function digitBytes(count: number, radix: number): number {
  const digits = perGroup[radix] ?? 1
  return Math.floor(count / digits) * GROUP_BYTES + bytesOf(count % digits, radix)
}

/** Bytes of a group that is not full. */
function bytesOf(digits: number, radix: number): number {
  let bytes = 0
  for (let left = radix ** digits, size = 1; size < left; size *= 256) bytes += 1
  return bytes
}

/** Packs `values[from, to)`, each less `base`, as digits of that radix. */
export function packDigits(
  values: Float64Array,
  from: number,
  to: number,
  base: number,
  radix: number,
  out: Uint8Array,
): void {
  const digits = perGroup[radix] ?? 1
  let next = 0
  for (let start = from; start < to; start += digits) {
    const end = Math.min(to, start + digits)
    let group = 0
    for (let i = end - 1; i >= start; i--) group = group * radix + (values[i] ?? 0) - base
    const bytes = end - start === digits ? GROUP_BYTES : bytesOf(end - start, radix)
    let half = group % HALF
    for (let byte = 0; byte < bytes; byte++) {
      if (byte === 3) half = Math.floor(group / HALF)
      out[next++] = half & 0xff
      half >>>= 8
    }
  }
}

/** Reverses `packDigits` into `out[from, to)`. */
export function unpackDigits(
  bytes: Uint8Array,
  base: number,
  radix: number,
  out: Float64Array,
  from: number,
  to: number,
): void {
  const digits = perGroup[radix] ?? 1
  const inverse = 1 / radix
  let next = 0
  for (let start = from; start < to; start += digits, next += GROUP_BYTES) {
    const end = Math.min(to, start + digits)
    let group =
      (bytes[next] ?? 0) +
      (bytes[next + 1] ?? 0) * 2 ** 8 +
      (bytes[next + 2] ?? 0) * 2 ** 16 +
      (bytes[next + 3] ?? 0) * 2 ** 24 +
      (bytes[next + 4] ?? 0) * 2 ** 32 +
      (bytes[next + 5] ?? 0) * 2 ** 40
    for (let i = start; i < end; i++) {
      let rest = Math.floor(group * inverse)
      let digit = group - rest * radix
      // The inverse is not exact: the quotient may be one off.
      if (digit < 0) {
        rest -= 1
        digit += radix
      } else if (digit >= radix) {
        rest += 1
        digit -= radix
      }
      out[i] = base + digit
      group = rest
    }
  }
}
