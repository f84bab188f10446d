/** `2^53` in base 36 has so many digits; ids of equal length sort by time. */
const timeDigits = 11
const randomDigits = 10

/** Makes ids that sort by the time they were made, also when the clock stands or is set back. */
export function createCommandIds(nowMicros: () => number, randomId: () => string): () => string {
  let last = 0
  return () => {
    last = Math.max(nowMicros(), last + 1)
    const random = randomId()
      .replaceAll(/[^A-Za-z0-9]/g, '')
      .slice(0, randomDigits)
    return `${last.toString(36).padStart(timeDigits, '0')}${random}`
  }
}
