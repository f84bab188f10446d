import type { BinaryOp, Expr } from './ast.ts'
import { StatementError } from './failures.ts'

/** µs since 1970; `from` inclusive, `to` exclusive; undefined where the query says nothing. */
export interface TimeRange {
  from?: number
  to?: number
}

/** What a WHERE says about time, and the rest of it. */
export interface SplitWhere {
  range: TimeRange
  rest?: Expr
}

const isTime = (expr: Expr): boolean => expr.kind === 'var' && expr.name.toLowerCase() === 'time'
const compares = new Set<BinaryOp>(['=', '<', '<=', '>', '>=', '!='])
const flipped: Readonly<Partial<Record<BinaryOp, BinaryOp>>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }
/** `2025-10-09`, `2025-10-09 08:53:20.5`, RFC 3339. */
const moment = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?)?$/

function ofText(text: string): number {
  const [, day, time = '00:00:00', fraction = '', zone = 'Z'] = moment.exec(text) ?? []
  const ms = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone}`)
  if (Number.isNaN(ms))
    throw new StatementError('invalid operation: time and *influxql.StringLiteral are not compatible')
  return ms * 1000 + Number(fraction.padEnd(9, '0')) / 1000
}

/** Nanoseconds of our days are more than a double holds. */
const ofNanos = (digits: string): number =>
  digits.length > 3 ? Number(digits.slice(0, -3)) + Number(`0.${digits.slice(-3)}`) : Number(digits) / 1000

/** A moment or a length in µs: `now() - 1h`, `'2025-10-09T00:00:00Z'`, nanoseconds, `1760000000000ms`. */
export function toTime(expr: Expr, nowMicros: number): number {
  if (expr.kind === 'duration') return expr.micros
  if (expr.kind === 'literal') {
    if (typeof expr.value === 'string') return ofText(expr.value)
    if (expr.digits !== undefined)
      return expr.digits.startsWith('-') ? -ofNanos(expr.digits.slice(1)) : ofNanos(expr.digits)
    if (typeof expr.value === 'number') return expr.value / 1000
  }
  if (expr.kind === 'call' && expr.name === 'now' && expr.args.length === 0) return nowMicros
  if (expr.kind === 'binary' && (expr.op === '+' || expr.op === '-')) {
    const right = toTime(expr.right, nowMicros)
    return toTime(expr.left, nowMicros) + (expr.op === '+' ? right : -right)
  }
  throw new StatementError('invalid expression with time')
}

/** Times are whole microseconds, so that each comparison becomes an end that counts or does not. */
function toRange(op: BinaryOp, at: number): TimeRange {
  const after = Math.floor(at) + 1
  switch (op) {
    case '>':
      return { from: after }
    case '>=':
      return { from: Math.ceil(at) }
    case '<':
      return { to: Math.ceil(at) }
    case '<=':
      return { to: after }
    case '=':
      return { from: Math.ceil(at), to: after }
    default:
      throw new StatementError(`invalid time comparison operator: ${op}`)
  }
}

const narrower = (a: TimeRange, b: TimeRange): TimeRange => {
  const from = Math.max(a.from ?? -Infinity, b.from ?? -Infinity)
  const to = Math.min(a.to ?? Infinity, b.to ?? Infinity)
  return { ...(from === -Infinity ? {} : { from }), ...(to === Infinity ? {} : { to }) }
}

const mentionsTime = (expr: Expr): boolean =>
  isTime(expr) || (expr.kind === 'binary' && (mentionsTime(expr.left) || mentionsTime(expr.right)))

export function splitWhere(where: Expr | undefined, nowMicros: number): SplitWhere {
  if (!where) return { range: {} }
  if (where.kind === 'binary' && where.op === 'AND') {
    const left = splitWhere(where.left, nowMicros)
    const right = splitWhere(where.right, nowMicros)
    const range = narrower(left.range, right.range)
    if (left.rest && right.rest)
      return { range, rest: { kind: 'binary', op: 'AND', left: left.rest, right: right.rest } }
    const rest = left.rest ?? right.rest
    return { range, ...(rest ? { rest } : {}) }
  }
  if (where.kind === 'binary' && compares.has(where.op)) {
    if (isTime(where.left)) return { range: toRange(where.op, toTime(where.right, nowMicros)) }
    if (isTime(where.right)) return { range: toRange(flipped[where.op] ?? where.op, toTime(where.left, nowMicros)) }
  }
  if (mentionsTime(where))
    throw new StatementError('time can only be compared, and its comparisons only be joined by AND')
  return { range: {}, rest: where }
}
