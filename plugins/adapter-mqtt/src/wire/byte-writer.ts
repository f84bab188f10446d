/** A variable byte integer. [MQTT 5, 1.5.5] */
export function variableBytes(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  do {
    const digit = left % 128
    left = Math.floor(left / 128)
    bytes.push(left > 0 ? digit | 0x80 : digit)
  } while (left > 0)
  return Buffer.from(bytes)
}

/** How many bytes `variableBytes` makes. */
export const variableLength = (value: number): number =>
  value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4

export function putVariable(bytes: Buffer, at: number, value: number): number {
  let left = value
  let next = at
  do {
    const digit = left % 128
    left = Math.floor(left / 128)
    bytes[next++] = left > 0 ? digit | 0x80 : digit
  } while (left > 0)
  return next
}

/** Text or binary data with its two bytes of length. */
export function lengthBytes(data: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(data.length + 2)
  bytes.writeUInt16BE(data.length, 0)
  data.copy(bytes, 2)
  return bytes
}

/** A whole packet of a first byte and what follows the length. */
export function toPacket(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts)
  return Buffer.concat([Buffer.from([first]), variableBytes(body.length), body])
}
