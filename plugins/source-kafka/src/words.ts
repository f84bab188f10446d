/** Everything that an error is made of. */
function* partsOf(error: unknown, depth = 0): Generator<Error> {
  if (!(error instanceof Error) || depth > 8) return
  yield error
  if (error instanceof AggregateError) for (const each of error.errors) yield* partsOf(each, depth + 1)
  yield* partsOf(error.cause, depth + 1)
}

/** The client wraps what the broker said several times over: the innermost words are the broker's. */
export function toWords(error: unknown): string {
  const words = new Set<string>()
  for (const part of partsOf(error)) {
    if (part.cause !== undefined || (part instanceof AggregateError && part.errors.length > 0)) continue
    const id: unknown = Reflect.get(part, 'apiId')
    words.add(typeof id === 'string' ? `${id}: ${part.message}` : part.message)
  }
  return [...words].join('; ') || String(error)
}
