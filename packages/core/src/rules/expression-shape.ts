import type { parse } from '@bufbuild/cel'
import { ConditionInvalid } from './condition.ts'
import { ruleLimits } from './limits.ts'
import { compilePattern } from './regex.ts'

type Expr = ReturnType<typeof parse>['expr']

export interface ExpressionShape {
  nodes: number
  keys: Set<string>
  /** `v` is looked at as a whole. */
  anyKey: boolean
  /** `v` must be bound: it is looked at as a whole, or by `has()`. */
  wholeMap: boolean
  shadow: boolean
  macros: boolean
}

/** What the planner knows beside the functions of the environment. */
const built = new Set(['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false', '__not_strictly_false__'])
const numeric = new Set(['_+_', '_-_', '_*_', '_/_', '_%_', '-_', 'size', 'int', 'uint', 'double', 'string', 'bytes'])

/**
 * Walks an expression: refuses what rules may not do, and gathers what it looks at. `v["key"]` is turned into the plain name of the
 * key on the way, since the planner then finds it without a map being made.
 */
export function readExpression(root: Expr, isFunction: (name: string) => boolean): ExpressionShape {
  const shape: ExpressionShape = {
    nodes: 0,
    keys: new Set(),
    anyKey: false,
    wholeMap: false,
    shadow: false,
    macros: false,
  }

  /** Names that a macro made, which hide keys. */
  let local: ReadonlySet<string> = new Set()

  function visit(expr: Expr | undefined): void {
    if (!expr) return
    if (++shape.nodes > ruleLimits.nodes) {
      throw new ConditionInvalid(`is larger than ${ruleLimits.nodes} nodes`)
    }
    const { exprKind: kind } = expr
    switch (kind.case) {
      case 'identExpr':
        name(kind.value.name)
        break
      case 'selectExpr':
        if (isV(kind.value.operand)) member(expr, kind.value.field, kind.value.testOnly)
        else select(expr)
        break
      case 'callExpr':
        call(expr)
        break
      case 'listExpr':
        for (const each of kind.value.elements) visit(each)
        break
      case 'structExpr':
        if (kind.value.messageName !== '') throw new ConditionInvalid(`knows no type ${kind.value.messageName}`)
        for (const { keyKind, value } of kind.value.entries) {
          if (keyKind.case === 'mapKey') visit(keyKind.value)
          visit(value)
        }
        break
      case 'comprehensionExpr': {
        if (shape.macros && local.size > 0)
          throw new ConditionInvalid('nests a macro in a macro, which is not permitted')
        shape.macros = true
        const { iterRange, accuInit, loopCondition, loopStep, result, iterVar, accuVar } = kind.value
        visit(iterRange)
        const before = local
        local = new Set([iterVar, accuVar])
        for (const each of [accuInit, loopCondition, loopStep, result]) visit(each)
        local = before
        break
      }
      case 'constExpr':
      case undefined:
        break
    }
  }

  function name(text: string): void {
    if (local.has(text)) return
    if (text === 'v') {
      shape.anyKey = true
      shape.wholeMap = true
    } else if (text === 'shadow') shape.shadow = true
    else shape.keys.add(text)
  }

  const isV = (expr: Expr | undefined): boolean =>
    expr?.exprKind.case === 'identExpr' && expr.exprKind.value.name === 'v' && !local.has('v')

  /** `v.key`, `v["key"]`: the key itself. */
  function member(expr: Expr, key: string, testOnly: boolean): void {
    shape.nodes++
    shape.keys.add(key)
    if (testOnly || local.has(key) || key === 'v' || key === 'shadow') {
      shape.wholeMap = true
      return
    }
    expr.exprKind = { case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name: key } }
  }

  /** `a.b.c` is a member of a JSON value, or the key "a.b.c". */
  function select(expr: Expr): void {
    const path: string[] = []
    let inner: Expr | undefined = expr
    while (inner?.exprKind.case === 'selectExpr') {
      path.unshift(inner.exprKind.value.field)
      inner = inner.exprKind.value.operand
      shape.nodes++
    }
    if (inner?.exprKind.case === 'identExpr' && !local.has(inner.exprKind.value.name)) {
      const first = inner.exprKind.value.name
      if (first !== 'v' && first !== 'shadow') {
        for (let length = 1; length <= path.length; length++)
          shape.keys.add([first, ...path.slice(0, length)].join('.'))
      }
    }
    visit(inner)
  }

  function call(expr: Expr): void {
    if (expr.exprKind.case !== 'callExpr') return
    const { function: called, target, args } = expr.exprKind.value
    const [first, second] = args
    const constant = second?.exprKind.case === 'constExpr' ? second.exprKind.value.constantKind : undefined
    if (called === '_[_]' && isV(first) && constant?.case === 'stringValue') {
      member(expr, constant.value, false)
      if (expr.exprKind.case === 'callExpr') {
        visit(second)
      }
      return
    }
    if (!built.has(called) && !isFunction(called)) throw new ConditionInvalid(`knows no function ${called}`)
    if (called === 'matches') pattern(first)
    visit(target)
    for (const each of args) visit(each)
  }

  function pattern(expr: Expr | undefined): void {
    const constant = expr?.exprKind.case === 'constExpr' ? expr.exprKind.value.constantKind : undefined
    if (constant?.case !== 'stringValue')
      throw new ConditionInvalid('takes only a text in quotes as a pattern of matches()')
    try {
      compilePattern(constant.value)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new ConditionInvalid(`has a wrong pattern: ${why.slice(0, 200)}`, '', { cause })
    }
  }

  assertAnswersYesOrNo(root)
  visit(root)
  return shape
}

function assertAnswersYesOrNo({ exprKind: kind }: Expr): void {
  const wrong =
    kind.case === 'listExpr' ||
    kind.case === 'structExpr' ||
    (kind.case === 'constExpr' && kind.value.constantKind.case !== 'boolValue') ||
    (kind.case === 'callExpr' && numeric.has(kind.value.function))
  if (wrong) throw new ConditionInvalid('does not answer true or false')
}
