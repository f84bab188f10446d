import type { BinaryOp, Expr, Literal } from './ast.ts'
import { ParseError } from './failures.ts'
import type { Token, Tokens } from './lexer.ts'
import { queryLimits } from './limits.ts'

const units: Readonly<Record<string, number>> = {
  ns: 0.001,
  u: 1,
  µ: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3600e6,
  d: 86_400e6,
  w: 604_800e6,
}

export function toMicros(text: string): number {
  let micros = 0
  for (const [, count = '0', unit = ''] of text.matchAll(/(\d+)(\D+)/g)) {
    const each = Object.hasOwn(units, unit) ? units[unit] : undefined
    if (each === undefined) throw new ParseError('invalid duration')
    micros += Number(count) * each
  }
  return micros
}

const precedence: Readonly<Record<string, number>> = {
  OR: 1,
  AND: 2,
  '=': 3,
  '!=': 3,
  '<>': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '=~': 3,
  '!~': 3,
  '+': 4,
  '-': 4,
  '|': 4,
  '^': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '&': 5,
}
const ops: Readonly<Record<string, BinaryOp>> = {
  ...Object.fromEntries(
    ['+', '-', '*', '/', '%', '&', '|', '^', '=', '!=', '<', '<=', '>', '>=', '=~', '!~', 'AND', 'OR'].map((op) => [
      op,
      op,
    ]),
  ),
  '<>': '!=',
}

const reserved = new Set(
  'ALL ALTER AS ASC BEGIN BY CREATE DELETE DESC DROP END EXPLAIN FIELD FROM GROUP HAVING IN INSERT INTO LIMIT OFFSET ON ORDER SELECT SHOW SLIMIT SOFFSET WHERE WITH AND OR'.split(
    ' ',
  ),
)
export const isKeyword = (token: Token, word: string): boolean =>
  token.kind === 'ident' && token.text.toUpperCase() === word
export const isReserved = ({ kind, text }: Token): boolean => kind === 'ident' && reserved.has(text.toUpperCase())
const named = ({ kind, text }: Token): string => (kind === 'eof' ? 'EOF' : text)
export const unexpected = (token: Token, expected: string): ParseError =>
  new ParseError(`found ${named(token)}, expected ${expected} at ${token.place}`)

/** Reads expressions; `$name` stands for what the request's `params` give. */
export interface ExpressionParser {
  expression(): Expr
  identifier(): string
  expect(op: string): void
  /** Takes the word or sign if it comes next. */
  take(text: string): boolean
}

export function createExpressionParser(tokens: Tokens, params: ReadonlyMap<string, Literal>): ExpressionParser {
  let depth = 0
  let operators = 0

  const take = (text: string): boolean => {
    const token = tokens.peek()
    const isIt = token.kind === 'op' ? token.text === text : isKeyword(token, text)
    if (isIt) tokens.next()
    return isIt
  }
  const expect = (op: string): void => {
    if (!take(op)) throw unexpected(tokens.peek(), op)
  }
  const identifier = (): string => {
    const token = tokens.peek()
    if (token.kind !== 'quoted' && (token.kind !== 'ident' || isReserved(token))) throw unexpected(token, 'identifier')
    return tokens.next().text
  }

  function call(name: string): Expr {
    const args: Expr[] = []
    if (take(')')) return { kind: 'call', name: name.toLowerCase(), args }
    do {
      const pattern = tokens.peek().text === '/' ? tokens.pattern() : undefined
      args.push(pattern === undefined ? expression() : { kind: 'pattern', pattern })
    } while (take(','))
    expect(')')
    return { kind: 'call', name: name.toLowerCase(), args }
  }

  function cast(): string | undefined {
    if (!take('::')) return undefined
    return tokens.next().text.toLowerCase()
  }

  function negative(): Expr {
    const operand = primary()
    if (operand.kind === 'literal' && typeof operand.value === 'number')
      return {
        kind: 'literal',
        value: -operand.value,
        ...(operand.digits === undefined ? {} : { digits: `-${operand.digits}` }),
      }
    if (operand.kind === 'duration') return { kind: 'duration', micros: -operand.micros }
    return { kind: 'binary', op: '*', left: { kind: 'literal', value: -1 }, right: operand }
  }

  function primary(): Expr {
    if (take('(')) {
      const inner = expression()
      expect(')')
      return inner
    }
    if (take('-')) return deeper(negative)
    if (take('+')) return deeper(primary)
    if (take('*')) {
      const of = cast()
      return { kind: 'wildcard', ...(of === undefined ? {} : { of }) }
    }
    const token = tokens.peek()
    if (token.kind === 'op' && token.text === '/') {
      const pattern = tokens.pattern()
      if (pattern !== undefined) return { kind: 'pattern', pattern }
    }
    if (token.kind === 'eof' || token.kind === 'op' || isReserved(token))
      throw unexpected(token, 'identifier, string, number, bool')
    tokens.next()
    switch (token.kind) {
      case 'integer':
        return { kind: 'literal', value: Number(token.text), digits: token.text }
      case 'number':
        return { kind: 'literal', value: Number(token.text) }
      case 'string':
        return { kind: 'literal', value: token.text }
      case 'duration':
        return { kind: 'duration', micros: toMicros(token.text) }
      case 'parameter': {
        const value = params.get(token.text)
        if (value === undefined) throw new ParseError(`missing parameter: ${token.text}`)
        return { kind: 'literal', value }
      }
      default: {
        const word = token.kind === 'ident' ? token.text.toLowerCase() : ''
        if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true' }
        if (token.kind === 'ident' && take('(')) return call(token.text)
        let name = token.text
        while (take('.')) name += `.${identifier()}`
        const as = cast()
        return { kind: 'var', name, ...(as === undefined ? {} : { as }) }
      }
    }
  }

  function binary(least: number): Expr {
    let left = primary()
    for (;;) {
      const token = tokens.peek()
      const sign = token.kind === 'op' || token.kind === 'ident' ? token.text.toUpperCase() : ''
      const rank = Object.hasOwn(precedence, sign) ? (precedence[sign] ?? 0) : 0
      const op = ops[sign]
      if (rank < least || rank === 0 || op === undefined) return left
      if (++operators > queryLimits.operators) throw new ParseError(`more than ${queryLimits.operators} operators`)
      tokens.next()
      if (op === '=~' || op === '!~') {
        const pattern = tokens.pattern()
        if (pattern === undefined) throw unexpected(tokens.peek(), 'regex')
        left = { kind: 'binary', op, left, right: { kind: 'pattern', pattern } }
      } else left = { kind: 'binary', op, left, right: binary(rank + 1) }
    }
  }

  function deeper(read: () => Expr): Expr {
    if (++depth > queryLimits.depth) throw new ParseError('the query is nested too deep')
    const made = read()
    depth--
    return made
  }
  const expression = (): Expr => deeper(() => binary(1))
  return { expression, identifier, expect, take }
}
