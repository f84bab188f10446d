import { CelScalar, celEnv, celFunc, isCelError, parse, plan } from '@bufbuild/cel'
import { type Condition, ConditionInvalid } from './condition.ts'
import type { DeviceValues } from './device-values.ts'
import { readExpression } from './expression-shape.ts'
import { ruleLimits } from './limits.ts'
import { compilePattern } from './regex.ts'
import { TookTooLong } from './took-too-long.ts'
import { runWithin } from './watchdog.ts'

const { DOUBLE, INT } = CelScalar

/** Readings are doubles and `2` is an int: CEL knows no sum of the two by itself. */
const mixed = (name: string, work: (a: number, b: number) => number) => [
  celFunc(name, [DOUBLE, INT], DOUBLE, (a, b) => work(a, Number(b))),
  celFunc(name, [INT, DOUBLE], DOUBLE, (a, b) => work(Number(a), b)),
]

const env = celEnv({
  funcs: [
    ...mixed('_+_', (a, b) => a + b),
    ...mixed('_-_', (a, b) => a - b),
    ...mixed('_*_', (a, b) => a * b),
    ...mixed('_/_', (a, b) => a / b),
    ...mixed('_%_', (a, b) => a % b),
    celFunc('_%_', [DOUBLE, DOUBLE], DOUBLE, (a, b) => a % b),
  ],
  re2: { compile: compilePattern },
})

type Evaluate = (bindings: DeviceValues['bindings']) => unknown

/** Reads a CEL expression. Throws ConditionInvalid. */
export function compileExpression(text: string): Condition {
  let made: { shape: ReturnType<typeof readExpression>; evaluate: Evaluate } | undefined
  try {
    runWithin(ruleLimits.compileMs, () => {
      const { expr } = parse(text)
      const shape = readExpression(expr, (name) => env.funcs.find(name) !== undefined)
      made = { shape, evaluate: plan(env, expr) }
    })
  } catch (cause) {
    if (cause instanceof ConditionInvalid) throw cause
    throw new ConditionInvalid(toText(cause), '', { cause })
  }
  if (!made) throw new ConditionInvalid('cannot be read')
  const { evaluate, shape } = made
  const { keys, anyKey, shadow, wholeMap, macros, nodes } = shape
  const base = nodes * nodes
  const looked = anyKey ? undefined : keys

  return {
    text,
    keys,
    anyKey,
    shadow,
    test(values) {
      const large = shadow ? ruleLimits.valueChars : values.largeSize(looked) + (anyKey ? values.count : 0)
      if (wholeMap) values.bindAll()
      const size = 1 + large
      if (base * (macros ? size * size : size) <= ruleLimits.freeWork) return evaluate(values.bindings) === true
      let answer: unknown
      runWithin(ruleLimits.evaluationMs, () => {
        answer = evaluate(values.bindings)
      })
      return answer === true
    },
  }
}

function toText(error: unknown): string {
  if (error instanceof TookTooLong) return `is too expensive to read: ${error.message}`
  if (error instanceof RangeError) return 'is nested too deeply'
  const message = error instanceof Error ? error.message : String(error)
  return isCelError(error) ? message : `cannot be read: ${message.replace(/^<input>:/, 'at ').slice(0, 300)}`
}
