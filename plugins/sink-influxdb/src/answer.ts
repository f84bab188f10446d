import type { WriteAnswer } from '@patchbay/sdk'
import type { HttpAnswer } from '@patchbay/sdk/http-client'
import { toPassing, toReply, wordsOfBody, WriteRefused } from '@patchbay/sdk/sink'

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** JSON of the server, or undefined where it is none. */
const parse = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    // A proxy answers HTML, and VictoriaMetrics plain text: then the text is what was said.
    return undefined
  }
}

/** Version 3 names the lines that it has not taken; all others are stored. */
function refusedLines(body: string): { line: number; reply: string }[] {
  const said = parse(body)
  const data = isObject(said) ? said['data'] : undefined
  if (!Array.isArray(data)) return []
  return data.flatMap((each: unknown) =>
    isObject(each) && typeof each['line_number'] === 'number' && typeof each['error_message'] === 'string'
      ? [{ line: each['line_number'], reply: each['error_message'] }]
      : [],
  )
}

/** 400 and 422: a line is bad; 413: too much at once, which halves cure. Everything else that is no success may pass. */
const isRefusal = (status: number): boolean => status === 400 || status === 413 || status === 422

/**
 * What a write's answer means. Versions 1 and 2 say only that some lines were dropped and have stored the others: the parts that follow store those
 * again, as the same points. `recordAt`: whose line it is, by its number from 1.
 */
export function toAnswer(
  answer: HttpAnswer,
  recordAt: (line: number) => number | undefined,
  secrets: readonly (string | undefined)[],
): WriteAnswer {
  const { status, body } = answer
  if (status >= 200 && status < 300) return { outcome: 'delivered' }
  const words = `${status} ${wordsOfBody(body)}`
  if (isRefusal(status)) {
    const refused = new Map<number, string>()
    for (const { line, reply } of refusedLines(body)) {
      const index = recordAt(line)
      if (index !== undefined) refused.set(index, toReply(reply, secrets))
    }
    if (refused.size === 0) throw new WriteRefused(words)
    return { outcome: 'partial', refused: [...refused].map(([index, reply]) => ({ index, reply })), retry: [] }
  }
  throw toPassing(answer, words)
}
