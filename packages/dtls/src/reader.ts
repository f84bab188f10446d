const none = Buffer.alloc(0)

/** Reads fields one after the other; past the end everything is empty and `failed` says so. */
export function createReader(bytes: Buffer) {
  let at = 0
  let failed = false

  const take = (length: number): Buffer => {
    if (failed || at + length > bytes.length) {
      failed = true
      return none
    }
    at += length
    return bytes.subarray(at - length, at)
  }
  const uint = (length: 1 | 2): number => {
    const field = take(length)
    return field.length === 0 ? 0 : field.readUIntBE(0, length)
  }
  return {
    bytes: take,
    uint,
    /** A vector of RFC 5246, section 4.3: its length in so many bytes, then itself. */
    vector: (lengthBytes: 1 | 2): Buffer => take(uint(lengthBytes)),
    get failed() {
      return failed
    },
    get atEnd() {
      return at === bytes.length
    },
  }
}
