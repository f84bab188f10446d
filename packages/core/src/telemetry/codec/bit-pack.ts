/** Widths that fit one 32-bit window whatever bit they begin at. */
const WINDOW_BITS = 24
const WINDOW = 2 ** WINDOW_BITS

export function packedBytes(count: number, width: number): number {
  return Math.ceil((count * width) / 8)
}

/** Bits that a whole number from 0 to 2^53 needs. */
export function widthOf(value: number): number {
  if (value < 2 ** 32) return 32 - Math.clz32(value)
  return 32 + (32 - Math.clz32(Math.floor(value / 2 ** 32)))
}

/** Packs `values[from, to)`, each less `base`, into zeroed bytes, `width` bits each, lowest bits first. */
export function pack(
  values: Float64Array,
  from: number,
  to: number,
  base: number,
  width: number,
  out: Uint8Array,
): void {
  let held = 0
  let bits = 0
  let next = 0
  for (let i = from; i < to; i++) {
    let value = (values[i] ?? 0) - base
    let left = width
    while (left > 0) {
      const take = Math.min(left, WINDOW_BITS)
      const part = left > WINDOW_BITS ? value % WINDOW : value
      if (left > WINDOW_BITS) value = Math.floor(value / WINDOW)
      held |= part << bits
      bits += take
      left -= take
      while (bits >= 8) {
        out[next++] = held & 0xff
        held >>>= 8
        bits -= 8
      }
    }
  }
  if (bits > 0) out[next] = held
}

/** Reverses `pack` into `out[from, to)`. */
export function unpack(
  bytes: Uint8Array,
  base: number,
  width: number,
  out: Float64Array,
  from: number,
  to: number,
): void {
  if (width === 0) {
    out.fill(base, from, to)
    return
  }
  let bit = 0
  if (width <= WINDOW_BITS) {
    const mask = 2 ** width - 1
    for (let i = from; i < to; i++, bit += width) out[i] = base + ((windowAt(bytes, bit) >>> (bit & 7)) & mask)
    return
  }
  for (let i = from; i < to; i++) {
    let value = 0
    let scale = 1
    for (let left = width; left > 0; left -= WINDOW_BITS) {
      const take = Math.min(left, WINDOW_BITS)
      value += ((windowAt(bytes, bit) >>> (bit & 7)) & (2 ** take - 1)) * scale
      scale *= WINDOW
      bit += take
    }
    out[i] = base + value
  }
}

function windowAt(bytes: Uint8Array, bit: number): number {
  const at = bit >>> 3
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}
