import type { WriteAnswer } from '@patchbay/sdk'
import type { HttpAnswer } from '@patchbay/sdk/http-client'
import { retryAfterMs, toReply, WriteLater, WriteRefused } from '@patchbay/sdk/sink'

/** What it said, out of its JSON where it is some. */
export function wordsOf(body: string): string {
  try {
    const said: unknown = JSON.parse(body)
    if (typeof said !== 'object' || said === null) return body
    const word: unknown = Reflect.get(said, 'message') ?? Reflect.get(said, 'error')
    return typeof word === 'string' ? word : body
  } catch {
    // A proxy answers HTML.
    return body
  }
}

/** `error in line 2: table: temperature, column: value; cast error …`, as often as there are bad lines. */
const badLine = /error in line (\d+): ([^\n]*)/g

/**
 * What a write's answer means. One bad line refuses the whole batch, and is named: its record is parked and the others are sent again at once.
 * `recordAt`: whose line it is, by its number from 1; undefined where that cannot be told.
 */
export function toAnswer(
  { status, headers, body }: HttpAnswer,
  length: number,
  recordAt: (line: number) => number | undefined,
  secrets: readonly (string | undefined)[],
): WriteAnswer {
  if (status >= 200 && status < 300) return { outcome: 'delivered' }
  const words = `${status} ${wordsOf(body)}`
  if (status === 400 || status === 413) {
    const refused = new Map<number, string>()
    for (const [, line, reply = ''] of wordsOf(body).matchAll(badLine)) {
      const index = recordAt(Number(line))
      if (index !== undefined) refused.set(index, toReply(reply, secrets))
    }
    if (refused.size === 0) throw new WriteRefused(words)
    const others = Array.from({ length }, (_, index) => index).filter((index) => !refused.has(index))
    return {
      outcome: 'partial',
      refused: [...refused].map(([index, reply]) => ({ index, reply })),
      retry: others.map((index) => ({ index, reply: 'One of its batch was refused.' })),
    }
  }
  const afterMs = retryAfterMs(headers['retry-after'], Date.now())
  throw afterMs === undefined ? new Error(words) : new WriteLater(words, afterMs)
}
