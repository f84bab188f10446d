/** A text that is no InfluxQL: the whole request is refused with 400. */
export class ParseError extends Error {
  override readonly name = 'ParseError'
  constructor(message: string) {
    super(`error parsing query: ${message}`)
  }
}

/** A statement that cannot be carried out; its result says so, the other statements are carried out. */
export class StatementError extends Error {
  override readonly name = 'StatementError'
}
