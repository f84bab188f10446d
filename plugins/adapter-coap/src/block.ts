/** A Block1 or Block2 option of RFC 7959. */
export interface Block {
  /** Which block, counted from 0 in blocks of this size. */
  number: number
  more: boolean
  bytes: number
}

const largestExponent = 6

/** "0-3 bytes" (section 2.1); undefined for what is no block option, the reserved size 7 among it. */
export function readBlock(value: Buffer): Block | undefined {
  if (value.length > 3) return undefined
  const all = value.length === 0 ? 0 : value.readUIntBE(0, value.length)
  const exponent = all & 7
  // "The value 7 for SZX (which would indicate a block size of 2048) is reserved, i.e., MUST NOT be sent"
  if (exponent > largestExponent) return undefined
  return { number: all >> 4, more: (all & 8) !== 0, bytes: 16 << exponent }
}

export function writeBlock({ number, more, bytes }: Block): Buffer {
  return writeUint(number * 16 + (more ? 8 : 0) + Math.log2(bytes / 16))
}

/** An option value of the format uint: no leading zeros, and 0 is empty (RFC 7252, section 3.2). */
export function writeUint(value: number): Buffer {
  let length = 0
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) length++
  const bytes = Buffer.alloc(length)
  if (length > 0) bytes.writeUIntBE(value, 0, length)
  return bytes
}

export const readUint = (value: Buffer): number => (value.length === 0 ? 0 : value.readUIntBE(0, value.length))
