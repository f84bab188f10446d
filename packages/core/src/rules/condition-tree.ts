import { type Operator, maxGroupDepth, maxGroupItems, operators } from '@patchbay/contracts/rule'
import { type Condition, ConditionInvalid } from './condition.ts'
import type { DeviceValues, Input } from './device-values.ts'
import { compilePattern } from './regex.ts'

type Scalar = number | boolean | string
type Test = (values: DeviceValues) => boolean
type Compare = (found: Input) => boolean

const ordered =
  (holds: (sign: number) => boolean) =>
  (value: Scalar): Compare =>
  (found) => {
    if (typeof found === 'number' && typeof value === 'number') return holds(found - value)
    if (typeof found === 'string' && typeof value === 'string') return holds(found < value ? -1 : found > value ? 1 : 0)
    return false
  }

const onText =
  (holds: (found: string, value: string) => boolean) =>
  (value: Scalar): Compare =>
  (found) =>
    typeof found === 'string' && holds(found, String(value))

const compares: Record<Operator, (value: Scalar) => Compare> = {
  '>': ordered((sign) => sign > 0),
  '>=': ordered((sign) => sign >= 0),
  '<': ordered((sign) => sign < 0),
  '<=': ordered((sign) => sign <= 0),
  '==': (value) => (found) => found === value,
  '!=': (value) => (found) => found !== value,
  contains: onText((found, value) => found.includes(value)),
  startsWith: onText((found, value) => found.startsWith(value)),
  endsWith: onText((found, value) => found.endsWith(value)),
  matches: (value) => {
    const pattern = compilePattern(String(value))
    return (found) => typeof found === 'string' && pattern.test(found)
  },
}

/** Reads the builder's tree, of whatever form. Throws ConditionInvalid. */
export function compileTree(tree: unknown): Condition {
  const keys = new Set<string>()
  let shadow = false

  function read(node: unknown, path: string, depth: number): { test: Test; text: string } {
    if (!isObject(node)) throw new ConditionInvalid('must be a test or a group', path)
    const group = 'all' in node ? 'all' : 'any' in node ? 'any' : undefined
    if (group) {
      only(node, [group], path)
      if (depth > maxGroupDepth) throw new ConditionInvalid(`is nested deeper than ${maxGroupDepth} groups`, path)
      const items: unknown = node[group]
      const below = `${path}/${group}`
      if (!Array.isArray(items) || items.length === 0 || items.length > maxGroupItems) {
        throw new ConditionInvalid(`must be a list of 1 to ${maxGroupItems}`, below)
      }
      const parts = items.map((item: unknown, index) => read(item, `${below}/${index}`, depth + 1))
      const tests = parts.map(({ test }) => test)
      const text = parts.map((part) => part.text).join(group === 'all' ? ' and ' : ' or ')
      return {
        text: parts.length > 1 && depth > 1 ? `(${text})` : text,
        test:
          group === 'all'
            ? (values) => tests.every((test) => test(values))
            : (values) => tests.some((test) => test(values)),
      }
    }
    return readTest(node, path)
  }

  function readTest(node: Record<string, unknown>, path: string): { test: Test; text: string } {
    const isShadow = 'shadow' in node
    only(node, [isShadow ? 'shadow' : 'key', 'op', 'value'], path)
    const { op, value } = node
    const operator = operators.find((each) => each === op)
    if (!operator) throw new ConditionInvalid(`must be one of ${operators.join(' ')}`, `${path}/op`)
    const scalar = toScalar(value)
    if (scalar === undefined) {
      throw new ConditionInvalid('must be a number, true, false or a text of at most 1000 characters', `${path}/value`)
    }
    const textOnly = operator === 'contains' || operator.endsWith('With') || operator === 'matches'
    if (
      (textOnly && typeof scalar !== 'string') ||
      (operator.length < 3 && !/[=!]=/.test(operator) && typeof scalar === 'boolean')
    ) {
      throw new ConditionInvalid(`is of a kind that ${operator} cannot compare`, `${path}/value`)
    }
    const compare = toCompare(operator, scalar, `${path}/value`)
    const from: unknown = isShadow ? node['shadow'] : node['key']
    const text = `${String(from)} ${operator} ${JSON.stringify(scalar)}`
    if (!isShadow) {
      if (typeof from !== 'string' || from.length === 0 || from.length > 128) {
        throw new ConditionInvalid('must be the name of a telemetry key, 1 to 128 characters', `${path}/key`)
      }
      keys.add(from)
      return {
        text,
        test(values) {
          const found = values.get(from)
          return found !== undefined && compare(found)
        },
      }
    }
    if (typeof from !== 'string' || from.length > 512 || !/^(reported|desired)(\.[^.]+){1,16}$/.test(from)) {
      throw new ConditionInvalid('must be a path such as reported.mode', `${path}/shadow`)
    }
    shadow = true
    const steps = from.split('.')
    return {
      text: `shadow.${text}`,
      test(values) {
        const found = descend(values.bindings['shadow'], steps)
        return found !== undefined && compare(found)
      },
    }
  }

  const { test, text } = read(tree, '', 1)
  return { text, keys, anyKey: false, shadow, test }
}

function toCompare(operator: Operator, value: Scalar, path: string): Compare {
  try {
    return compares[operator](value)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConditionInvalid(`is a wrong pattern: ${why.slice(0, 200)}`, path, { cause })
  }
}

function toScalar(value: unknown): Scalar | undefined {
  if (typeof value === 'string') return value.length <= 1000 ? value : undefined
  return (typeof value === 'number' && Number.isFinite(value)) || typeof value === 'boolean' ? value : undefined
}

function descend(from: Input | undefined, steps: readonly string[]): Input | undefined {
  let found = from
  for (const step of steps) found = found instanceof Map ? found.get(step) : undefined
  return found
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function only(node: Record<string, unknown>, known: readonly string[], path: string): void {
  for (const name of Object.keys(node)) {
    if (!known.includes(name)) throw new ConditionInvalid('is not known here', `${path}/${name}`)
  }
}
