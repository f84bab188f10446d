import { RE2JS } from '@bufbuild/re2'

const compiled = new Map<string, RE2JS>()
/** Patterns kept; those of saved rules fit, previews push the oldest out. */
const maxPatterns = 5000

/** A pattern of RE2, whose time grows with the text and never faster. */
export function compilePattern(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known) return known
  const made = RE2JS.compile(pattern)
  for (const oldest of compiled.keys()) {
    if (compiled.size < maxPatterns) break
    compiled.delete(oldest)
  }
  compiled.set(pattern, made)
  return made
}
