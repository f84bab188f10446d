/** Work was ended because it took too long. */
export class TookTooLong extends Error {
  override readonly name = 'TookTooLong'
}
