import type { AllowedLogin } from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'

/** What the service said cannot be used, which denies. */
export class AnswerUnusable extends Error {
  override readonly name = 'AnswerUnusable'
}

const Filters = Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 100 })
const Body = Type.Object({
  result: Type.Union([Type.Literal('allow'), Type.Literal('deny'), Type.Literal('ignore')]),
  /** Seconds since 1970, fractions allowed. */
  expiresAt: Type.Optional(Type.Number({ minimum: 0, maximum: 9e9 })),
  publish: Type.Optional(Filters),
  subscribe: Type.Optional(Filters),
})

/**
 * Reads the service's answer. 200 with a result counts, and 401 and 403 deny; everything else, a redirect too, is no answer. Throws
 * AnswerUnusable.
 */
export function toAnswer({
  status,
  body,
}: {
  status: number
  body: string
}): AllowedLogin | 'allow' | 'deny' | undefined {
  if (status === 401 || status === 403) return 'deny'
  if (status !== 200) throw new AnswerUnusable(`The service answered ${status}.`)
  const said = parse(body)
  if (!Value.Check(Body, said))
    throw new AnswerUnusable('The service did not answer {"result": "allow" | "deny" | "ignore"}.')
  const { result, expiresAt, publish, subscribe } = said
  if (result !== 'allow') return result === 'deny' ? 'deny' : undefined
  if (expiresAt === undefined && !publish && !subscribe) return 'allow'
  return {
    answer: 'allow',
    ...(expiresAt === undefined ? {} : { endsAtMicros: Math.round(expiresAt * 1e6) }),
    ...(publish ? { publish } : {}),
    ...(subscribe ? { subscribe } : {}),
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new AnswerUnusable('The service did not answer JSON of 16 KiB at most.', { cause })
  }
}
