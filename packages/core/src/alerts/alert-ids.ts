/** `2^53` in base 36 has so many digits; ids of equal length sort by time. */
const timeDigits = 11
const randomDigits = 8

/**
 * Makes ids that sort by the time they were made, and after `previous` whatever the clock says: the newest alert of a pair is found by
 * its id.
 */
export function createAlertIds(nowMicros: () => number, randomId: () => string): (previous?: string) => string {
  let last = 0
  return (previous) => {
    const before = previous === undefined ? 0 : Number.parseInt(previous.slice(0, timeDigits), 36)
    last = Math.max(nowMicros(), last + 1)
    const micros = Math.max(last, before + 1)
    const random = randomId()
      .replaceAll(/[^A-Za-z0-9]/g, '')
      .slice(0, randomDigits)
    return `${micros.toString(36).padStart(timeDigits, '0')}${random}`
  }
}
