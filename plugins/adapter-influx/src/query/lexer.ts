import { ParseError } from './failures.ts'
import { queryLimits } from './limits.ts'

export interface Token {
  kind: 'ident' | 'quoted' | 'string' | 'number' | 'integer' | 'duration' | 'parameter' | 'op' | 'eof'
  /** Its text without quotes; as it came for numbers. */
  text: string
  /** As an error names it. */
  place: string
}

/** Tokens of a text, one by one: what a slash means depends on where it stands, so a pattern is asked for. */
export interface Tokens {
  peek(): Token
  next(): Token
  /** The pattern that begins here; undefined when none does. */
  pattern(): string | undefined
}

const space = /(?:\s+|--[^\n]*|\/\*[^]*?\*\/)*/y
const word = /[A-Za-z_][A-Za-z0-9_]*/y
const quoted = /"((?:[^"\\\n]|\\.)*)"/y
const string = /'((?:[^'\\\n]|\\.)*)'/y
const duration = /(?:\d+(?:ns|ms|us|u|µ|s|m|h|d|w))+(?![A-Za-z0-9_])/y
const number = /\d+\.\d*|\.\d+|\d+/y
const parameter = /\$(?:"([^"]+)"|([A-Za-z_][A-Za-z0-9_]*))/y
const op = /::|!=|<>|=~|!~|<=|>=|[-+*/%&|^(),;.=<>]/y
const regex = /\/((?:[^/\\\n]|\\.)*)\//y

const unescape = (text: string): string => text.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))

export function createTokens(text: string): Tokens {
  if (text.length > queryLimits.textChars)
    throw new ParseError(`the query has more than ${queryLimits.textChars} characters`)
  let at = 0
  let ahead: { token: Token; end: number } | undefined

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(text)
  }
  const placeOf = (offset: number): string => {
    const line = text.slice(0, offset).split('\n').length
    const begin = text.lastIndexOf('\n', offset - 1) + 1
    // InfluxDB counts the end of the text as a character of its own.
    return `line ${line}, char ${offset - begin + (offset >= text.length ? 2 : 1)}`
  }
  const skip = (): void => {
    const found = match(space)
    if (found) at += found[0].length
  }

  function read(): { token: Token; end: number } {
    skip()
    const place = placeOf(at)
    const made = (kind: Token['kind'], of: string, length: number) => ({
      token: { kind, text: of, place },
      end: at + length,
    })
    if (at >= text.length) return made('eof', 'EOF', 0)
    let found = match(word)
    if (found) return made('ident', found[0], found[0].length)
    found = match(quoted)
    if (found) return made('quoted', unescape(found[1] ?? ''), found[0].length)
    found = match(string)
    if (found) return made('string', unescape(found[1] ?? ''), found[0].length)
    found = match(duration)
    if (found) return made('duration', found[0], found[0].length)
    found = match(number)
    if (found) return made(found[0].includes('.') ? 'number' : 'integer', found[0], found[0].length)
    found = match(parameter)
    if (found) return made('parameter', found[1] ?? found[2] ?? '', found[0].length)
    found = match(op)
    if (found) return made('op', found[0], found[0].length)
    throw new ParseError(`found ${text[at]}, expected identifier, string, number, bool at ${place}`)
  }

  return {
    peek: () => (ahead ??= read()).token,
    next() {
      const { token, end } = (ahead ??= read())
      ahead = undefined
      at = end
      return token
    },
    pattern() {
      skip()
      const found = match(regex)
      if (!found) return undefined
      ahead = undefined
      at += found[0].length
      const pattern = (found[1] ?? '').replaceAll('\\/', '/')
      if (pattern.length > queryLimits.regexChars) throw new ParseError('the pattern is too long')
      return pattern
    },
  }
}
