/** Errors of the broker that say: this message, never. */
const refusals = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TIMESTAMP'])

export interface Failure {
  /** What was said, by the broker where it said something. */
  words: string
  refused: boolean
}

/** Everything that an error is made of. */
function* partsOf(error: unknown, depth = 0): Generator<Error> {
  if (!(error instanceof Error) || depth > 8) return
  yield error
  if (error instanceof AggregateError) for (const each of error.errors) yield* partsOf(each, depth + 1)
  yield* partsOf(error.cause, depth + 1)
}

/** The client wraps what the broker said several times over: the innermost words are the broker's. */
export function toFailure(error: unknown): Failure {
  const ids = new Set<string>()
  const words = new Set<string>()
  for (const part of partsOf(error)) {
    const id: unknown = Reflect.get(part, 'apiId')
    const isLeaf = part.cause === undefined && !(part instanceof AggregateError && part.errors.length > 0)
    if (typeof id === 'string') ids.add(id)
    if (isLeaf) words.add(typeof id === 'string' ? `${id}: ${part.message}` : part.message)
  }
  return { words: [...words].join('; ') || String(error), refused: [...ids].some((id) => refusals.has(id)) }
}
