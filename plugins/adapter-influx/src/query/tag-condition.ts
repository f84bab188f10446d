import type { Expr } from './ast.ts'
import { evaluate } from './evaluate.ts'

/** What a name is on its own: the text of a tag; undefined for what only a row can tell. */
export type TagOf = (name: string, as: string | undefined) => string | undefined

const isKnown = (expr: Expr, tagOf: TagOf): boolean => {
  if (expr.kind === 'var') return tagOf(expr.name, expr.as) !== undefined
  if (expr.kind === 'binary') return isKnown(expr.left, tagOf) && isKnown(expr.right, tagOf)
  return expr.kind === 'literal' || expr.kind === 'pattern'
}

/** Whether a condition holds for all rows of a series, for none (false), or for some (undefined: each row must be asked). */
export function holdsForTags(expr: Expr, tagOf: TagOf): boolean | undefined {
  if (expr.kind === 'binary' && (expr.op === 'AND' || expr.op === 'OR')) {
    const left = holdsForTags(expr.left, tagOf)
    const right = holdsForTags(expr.right, tagOf)
    const decides = expr.op === 'OR'
    if (left === decides || right === decides) return decides
    return left === undefined || right === undefined ? undefined : !decides
  }
  if (!isKnown(expr, tagOf)) return undefined
  return evaluate(expr, { variable: (name, as) => tagOf(name, as) ?? null }) === true
}
