import { RE2JS } from '@bufbuild/re2'
import { StatementError } from './failures.ts'

/** Patterns kept between queries; a dashboard asks with the same ones again and again. */
const maxPatterns = 500
const compiled = new Map<string, (text: string) => boolean>()

/** A pattern of RE2, as in InfluxDB: its time grows with the text and never faster. */
export function toMatcher(pattern: string): (text: string) => boolean {
  const known = compiled.get(pattern)
  if (known) return known
  let made: RE2JS
  try {
    made = RE2JS.compile(pattern)
  } catch (cause) {
    throw new StatementError(`the pattern /${pattern}/ cannot be read`, { cause })
  }
  const matches = (text: string): boolean => made.test(text)
  for (const oldest of compiled.keys()) {
    if (compiled.size < maxPatterns) break
    compiled.delete(oldest)
  }
  compiled.set(pattern, matches)
  return matches
}
