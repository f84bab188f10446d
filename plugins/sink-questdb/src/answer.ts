import type { WriteAnswer } from '@patchbay/sdk'
import type { HttpAnswer } from '@patchbay/sdk/http-client'
import { toPassing, toReply, wordsOfBody, WriteRefused } from '@patchbay/sdk/sink'

/** `error in line 2: table: temperature, column: value; cast error …`, as often as there are bad lines. */
const badLine = /error in line (\d+): ([^\n]*)/g

/**
 * What a write's answer means. One bad line refuses the whole batch, and is named: its record is parked and the others are sent again at once.
 * `recordAt`: whose line it is, by its number from 1; undefined where that cannot be told.
 */
export function toAnswer(
  answer: HttpAnswer,
  length: number,
  recordAt: (line: number) => number | undefined,
  secrets: readonly (string | undefined)[],
): WriteAnswer {
  const { status, body } = answer
  if (status >= 200 && status < 300) return { outcome: 'delivered' }
  const words = `${status} ${wordsOfBody(body)}`
  if (status === 400 || status === 413) {
    const refused = new Map<number, string>()
    for (const [, line, reply = ''] of wordsOfBody(body).matchAll(badLine)) {
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
  throw toPassing(answer, words)
}
