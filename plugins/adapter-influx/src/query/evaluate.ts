import type { BinaryOp, Expr } from './ast.ts'
import { StatementError } from './failures.ts'
import { mathFunctions } from './math-functions.ts'
import { toMatcher } from './pattern.ts'

export type Value = number | string | boolean | null

/** What the names in an expression stand for. `call` is asked for what is no function of one row. */
export interface Scope {
  variable(name: string, as: string | undefined): Value
  call?(expr: Expr & { kind: 'call' }): Value
}

function arithmetic(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      // As InfluxDB has it.
      return b === 0 ? 0 : a / b
    case '%':
      return b === 0 ? 0 : a % b
    case '&':
      return Number(BigInt(Math.trunc(a)) & BigInt(Math.trunc(b)))
    case '|':
      return Number(BigInt(Math.trunc(a)) | BigInt(Math.trunc(b)))
    default:
      return Number(BigInt(Math.trunc(a)) ^ BigInt(Math.trunc(b)))
  }
}

function compare(op: BinaryOp, a: Value, b: Value): Value {
  if (a === null || b === null || typeof a !== typeof b) return false
  switch (op) {
    case '=':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    default:
      return a >= b
  }
}

function binary(expr: Expr & { kind: 'binary' }, scope: Scope): Value {
  const { op } = expr
  const left = evaluate(expr.left, scope)
  if (op === 'AND') return left === true && evaluate(expr.right, scope) === true
  if (op === 'OR') return left === true || evaluate(expr.right, scope) === true
  if (op === '=~' || op === '!~') {
    if (expr.right.kind !== 'pattern' || typeof left !== 'string') return false
    return toMatcher(expr.right.pattern)(left) === (op === '=~')
  }
  const right = evaluate(expr.right, scope)
  if (op === '=' || op === '!=' || op === '<' || op === '<=' || op === '>' || op === '>=')
    return compare(op, left, right)
  if (typeof left !== 'number' || typeof right !== 'number') return null
  const value = arithmetic(op, left, right)
  return Number.isFinite(value) ? value : null
}

/** The value of an expression over one row; null where it has none. */
export function evaluate(expr: Expr, scope: Scope): Value {
  switch (expr.kind) {
    case 'literal':
      return expr.value
    case 'duration':
      return expr.micros * 1000
    case 'var':
      return scope.variable(expr.name, expr.as)
    case 'binary':
      return binary(expr, scope)
    case 'call': {
      const math = mathFunctions.get(expr.name)
      if (!math) return scope.call?.(expr) ?? null
      const args = expr.args.map((each) => evaluate(each, scope))
      const numbers = args.filter((each) => typeof each === 'number')
      if (numbers.length < args.length) return null
      const value = math(...numbers)
      return Number.isFinite(value) ? value : null
    }
    default:
      throw new StatementError('a wildcard or pattern cannot stand here')
  }
}

/** Walks over an expression, calls first. */
export function visit(expr: Expr, see: (expr: Expr) => void): void {
  see(expr)
  if (expr.kind === 'binary') {
    visit(expr.left, see)
    visit(expr.right, see)
  } else if (expr.kind === 'call') for (const each of expr.args) visit(each, see)
}
