/** A page cursor that no page of this store has answered. The caller's mistake: begin again without it. */
export class CursorInvalid extends Error {
  override readonly name = 'CursorInvalid'
}
