/** A read would look at, or answer, more than one read may. Ask for less time, fewer keys or a longer step. */
export class ReadTooLarge extends Error {
  override readonly name = 'ReadTooLarge'
}
