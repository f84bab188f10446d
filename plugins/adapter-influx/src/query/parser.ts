import type { Chosen, Column, Expr, Fill, From, Limits, Literal, Select, Show, ShowWhat, Statement } from './ast.ts'
import { createExpressionParser, isKeyword, unexpected } from './expression-parser.ts'
import { ParseError } from './failures.ts'
import { createTokens } from './lexer.ts'
import { queryLimits } from './limits.ts'

const shown =
  'CONTINUOUS, DATABASES, DIAGNOSTICS, FIELD, GRANTS, MEASUREMENT, MEASUREMENTS, QUERIES, RETENTION, SERIES, SHARD, SHARDS, STATS, SUBSCRIPTIONS, TAG, USERS'
const begun = 'ALTER, CREATE, DELETE, DROP, EXPLAIN, GRANT, KILL, REVOKE, SELECT, SET, SHOW'

/** Reads the statements of a request. Throws ParseError. */
export function parseQuery(text: string, params: ReadonlyMap<string, Literal> = new Map()): Statement[] {
  const tokens = createTokens(text)
  const { expression, identifier, expect, take } = createExpressionParser(tokens, params)

  let nested = 0
  const integer = (): number => {
    const token = tokens.peek()
    if (token.kind !== 'integer') throw unexpected(token, 'integer')
    return Number(tokens.next().text)
  }

  function name(): From {
    if (take('(')) {
      if (!take('SELECT')) throw unexpected(tokens.peek(), 'SELECT')
      if (++nested > queryLimits.subqueries) throw new ParseError(`more than ${queryLimits.subqueries} subqueries`)
      const inner = select()
      expect(')')
      return { kind: 'query', select: inner }
    }
    // "db"."policy"."measurement", any of the first two left out or empty: they all mean the same data.
    for (;;) {
      const pattern = tokens.peek().text === '/' ? tokens.pattern() : undefined
      if (pattern !== undefined) return { kind: 'pattern', pattern }
      if (take('.')) continue
      const part = identifier()
      if (!take('.')) return { kind: 'name', name: part }
    }
  }
  function names(): From[] {
    const list: From[] = []
    do list.push(name())
    while (take(','))
    return list
  }

  function limits(): Limits {
    const found: Limits = {}
    for (;;) {
      if (take('LIMIT')) found.limit = integer()
      else if (take('OFFSET')) found.offset = integer()
      else if (take('SLIMIT')) found.slimit = integer()
      else if (take('SOFFSET')) found.soffset = integer()
      else return found
    }
  }

  function groupBy(): Pick<Select, 'groupBy' | 'interval' | 'intervalOffset'> {
    const list: Expr[] = []
    let interval: number | undefined
    let intervalOffset = 0
    do {
      const token = tokens.peek()
      const pattern = token.text === '/' ? tokens.pattern() : undefined
      if (pattern !== undefined) list.push({ kind: 'pattern', pattern })
      else {
        const each = expression()
        if (each.kind === 'call' && each.name === 'time') {
          const [length, offset] = each.args
          if (length?.kind !== 'duration') throw new ParseError('time dimension must have duration argument')
          interval = length.micros
          if (interval < 1) throw new ParseError('the interval must be one microsecond at least')
          if (offset?.kind === 'duration') intervalOffset = offset.micros
        } else if (each.kind === 'var' || each.kind === 'wildcard') list.push(each)
        else throw new ParseError('only time and tag dimensions allowed')
      }
    } while (take(','))
    return { groupBy: list, intervalOffset, ...(interval === undefined ? {} : { interval }) }
  }

  function fill(): Fill {
    expect('(')
    const token = tokens.peek()
    const word = token.kind === 'ident' ? token.text.toLowerCase() : ''
    if (word === 'null' || word === 'none' || word === 'previous' || word === 'linear') {
      tokens.next()
      expect(')')
      return word
    }
    const value = expression()
    expect(')')
    if (value.kind !== 'literal' || typeof value.value !== 'number')
      throw new ParseError('expected number argument in fill()')
    return value.value
  }

  function zone(): void {
    if (!take('TZ')) return
    expect('(')
    const token = tokens.next()
    expect(')')
    if (token.kind !== 'string' || !/^(utc|etc\/utc)?$/i.test(token.text))
      throw new ParseError('tz() is not supported here: buckets begin as UTC has it')
  }

  function columns(): Column[] {
    const list: Column[] = []
    do {
      const expr = expression()
      list.push(take('AS') ? { expr, alias: identifier() } : { expr })
    } while (take(','))
    if (list.length > queryLimits.columns) throw new ParseError(`more than ${queryLimits.columns} fields`)
    return list
  }

  function order(): boolean {
    if (!take('ORDER')) return false
    expect('BY')
    const token = tokens.peek()
    if (take('ASC')) return false
    if (take('DESC')) return true
    if (!isKeyword(token, 'TIME') && token.text !== 'time')
      throw new ParseError('only ORDER BY time supported at this time')
    tokens.next()
    if (take('DESC')) return true
    take('ASC')
    return false
  }

  function select(): Select {
    const list = columns()
    if (take('INTO')) throw new ParseError('INTO is not supported here: data is written by /write')
    if (!take('FROM')) throw unexpected(tokens.peek(), 'FROM')
    const from = names()
    const where = take('WHERE') ? expression() : undefined
    let grouped: ReturnType<typeof groupBy> = { groupBy: [], intervalOffset: 0 }
    if (take('GROUP')) {
      expect('BY')
      grouped = groupBy()
    }
    const filled = take('FILL') ? fill() : 'null'
    const descending = order()
    const bounds = limits()
    zone()
    return {
      kind: 'select',
      columns: list,
      from,
      ...(where ? { where } : {}),
      ...grouped,
      fill: filled,
      descending,
      ...bounds,
    }
  }

  function chosen(): Chosen {
    const token = tokens.next()
    if (isKeyword(token, 'IN')) {
      expect('(')
      const list: string[] = []
      do list.push(identifier())
      while (take(','))
      expect(')')
      return { op: '=', names: list }
    }
    if (token.text === '=' || token.text === '!=') return { op: token.text, names: [identifier()] }
    if (token.text !== '=~' && token.text !== '!~') throw unexpected(token, '=, !=, =~, !~, IN')
    const pattern = tokens.pattern()
    if (pattern === undefined) throw unexpected(tokens.peek(), 'regex')
    return { op: token.text, pattern }
  }

  function show(what: ShowWhat): Show {
    if (isKeyword(tokens.peek(), 'CARDINALITY') || isKeyword(tokens.peek(), 'EXACT'))
      throw new ParseError('CARDINALITY is not supported here')
    const made: Show = { kind: 'show', what, from: [] }
    if (take('ON')) identifier()
    if (take('FROM')) made.from = names()
    if (take('WITH')) {
      expect(what === 'measurements' ? 'MEASUREMENT' : 'KEY')
      made.with = chosen()
    } else if (what === 'tag values') throw unexpected(tokens.peek(), 'WITH')
    if (take('WHERE')) made.where = expression()
    order()
    return { ...made, ...limits() }
  }

  function showStatement(): Statement {
    const token = tokens.next()
    const isIt = (word: string): boolean => isKeyword(token, word)
    if (isIt('DATABASES')) return { kind: 'show databases' }
    if (isIt('MEASUREMENTS')) return show('measurements')
    if (isIt('SERIES')) return show('series')
    if (isIt('TAG')) {
      if (take('KEYS')) return show('tag keys')
      if (take('VALUES')) return show('tag values')
      throw unexpected(tokens.peek(), 'KEY, KEYS, VALUES')
    }
    if (isIt('FIELD')) {
      if (!take('KEYS')) throw unexpected(tokens.peek(), 'KEY, KEYS')
      return show('field keys')
    }
    if (isIt('RETENTION')) {
      expect('POLICIES')
      if (take('ON')) identifier()
      return { kind: 'show retention policies' }
    }
    if (shown.split(', ').some(isIt)) return rest(`SHOW ${token.text.toUpperCase()} is not supported here`)
    throw unexpected(token, shown)
  }

  /** Reads over the rest of a statement that is not carried out. */
  function rest(why: string): Statement {
    while (tokens.peek().kind !== 'eof' && tokens.peek().text !== ';') tokens.next()
    return { kind: 'refused', why }
  }

  function statement(): Statement {
    if (take('SELECT')) return select()
    if (take('SHOW')) return showStatement()
    const token = tokens.peek()
    const word = token.kind === 'ident' ? token.text.toUpperCase() : ''
    if (take('CREATE') || take('ALTER')) {
      const made: Statement = take('DATABASE') ? { kind: 'create', database: identifier() } : { kind: 'create' }
      if (made.database === undefined && !take('RETENTION'))
        return rest(`${word} ${tokens.peek().text.toUpperCase()} is not supported here`)
      rest('')
      return made
    }
    if (begun.split(', ').includes(word))
      return rest(`${word} is not supported here: devices and their data are kept by Patchbay itself`)
    throw unexpected(token, begun)
  }

  const statements: Statement[] = []
  while (tokens.peek().kind !== 'eof') {
    if (take(';')) continue
    statements.push(statement())
    if (statements.length > queryLimits.statements)
      throw new ParseError(`more than ${queryLimits.statements} statements`)
    const token = tokens.peek()
    if (token.kind !== 'eof' && token.text !== ';') throw unexpected(token, ';')
  }
  return statements
}
