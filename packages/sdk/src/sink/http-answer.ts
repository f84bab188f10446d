import type { HttpAnswer } from '../outbound/http-client.ts'
import { retryAfterMs } from '../alert-channel/reply.ts'
import { WriteLater } from './write-failures.ts'

/** What a server said: out of its JSON where it is some, under `error` or `message`, else the text. */
export function wordsOfBody(body: string): string {
  try {
    const said: unknown = JSON.parse(body)
    if (typeof said !== 'object' || said === null) return body
    for (const name of ['error', 'message']) {
      const word: unknown = Reflect.get(said, name)
      if (typeof word === 'string') return word
    }
    return body
  } catch {
    // A proxy answers HTML, and some servers plain text: then the text is what was said.
    return body
  }
}

/** The error of an answer that time or a person must cure: it waits for as long as Retry-After asks. */
export function toPassing({ headers }: Pick<HttpAnswer, 'headers'>, words: string): Error {
  const afterMs = retryAfterMs(headers['retry-after'], Date.now())
  return afterMs === undefined ? new Error(words) : new WriteLater(words, afterMs)
}
