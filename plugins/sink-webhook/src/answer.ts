import type { WriteAnswer } from '@patchbay/sdk'
import type { HttpAnswer } from '@patchbay/sdk/http-client'
import { toPassing, toReply, WriteRefused } from '@patchbay/sdk/sink'

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

type Named = { index: number; reply: string }[]

/** `[{index, reply}]`, as a receiver that tells its records apart may answer. */
function toNamed(list: unknown, length: number, secrets: readonly (string | undefined)[]): Named {
  if (!Array.isArray(list)) return []
  return list.flatMap((each: unknown) => {
    if (!isObject(each)) return []
    const { index, reply } = each
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= length) return []
    return [{ index, reply: toReply(typeof reply === 'string' ? reply : 'refused', secrets) }]
  })
}

function toPartial(body: string, length: number, secrets: readonly (string | undefined)[]): WriteAnswer | undefined {
  try {
    const said: unknown = JSON.parse(body)
    if (!isObject(said)) return undefined
    const refused = toNamed(said['refused'], length, secrets)
    const retry = toNamed(said['retry'], length, secrets)
    return refused.length + retry.length > 0 ? { outcome: 'partial', refused, retry } : undefined
  } catch {
    // Any 2xx is a yes, whatever its body is.
    return undefined
  }
}

/** Records are to blame, or there are too many at once. Of every other answer a person or time is the cure. */
const isRefusal = (status: number): boolean => status === 400 || status === 413 || status === 422

/** What a receiver's answer to `length` records means. */
export function toAnswer(answer: HttpAnswer, length: number, secrets: readonly (string | undefined)[]): WriteAnswer {
  const { status, headers, body } = answer
  if (status >= 200 && status < 300) return toPartial(body, length, secrets) ?? { outcome: 'delivered' }
  const redirect = status >= 300 && status < 400 ? `redirects are not followed: ${headers.location ?? ''} ` : ''
  const words = `${status} ${redirect}${body}`
  if (isRefusal(status)) throw new WriteRefused(words)
  throw toPassing(answer, words)
}
