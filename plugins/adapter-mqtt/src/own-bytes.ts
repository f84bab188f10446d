/**
 * A copy that shares its memory with nothing. `Buffer.from` cuts small copies out of a pool: one that is kept keeps all 64 KiB of it, and
 * one that is posted to a thread takes them along.
 */
export function toOwnBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}
