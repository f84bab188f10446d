/** "A minimum window size of 32 MUST be supported, but a window size of 64 is preferred" (RFC 6347, section 4.1.2.6) */
const windowBits = 64

/** Which records of an epoch have come. */
export function createReplayWindow() {
  let highest = -1
  // Bit n: the record n below the highest has come. Two halves, since numbers have 32 bits for this.
  let low = 0
  let high = 0

  const shift = (by: number) => {
    if (by >= windowBits) low = high = 0
    else if (by >= 32) {
      high = low << (by - 32)
      low = 0
    } else if (by > 0) {
      high = (high << by) | (low >>> (32 - by))
      low <<= by
    }
  }

  return {
    /** Whether a record may be new. To be asked before it is decrypted. */
    mayBeNew(sequence: number): boolean {
      const back = highest - sequence
      if (back < 0) return true
      if (back >= windowBits) return false
      return back < 32 ? ((low >>> back) & 1) === 0 : ((high >>> (back - 32)) & 1) === 0
    },
    /** "The receive window is updated only if the MAC verification succeeds." */
    mark(sequence: number): void {
      if (sequence > highest) {
        shift(highest < 0 ? windowBits : sequence - highest)
        highest = sequence
      }
      const back = highest - sequence
      if (back < 32) low |= 1 << back
      else if (back < windowBits) high |= 1 << (back - 32)
    },
  }
}

export type ReplayWindow = ReturnType<typeof createReplayWindow>
