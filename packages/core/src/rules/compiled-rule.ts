import type { RuleRecord } from '@patchbay/contracts/rule'
import { type Severity, severityRank } from '@patchbay/contracts/severity'
import { DomainError } from '../errors.ts'
import { type Condition, ConditionInvalid } from './condition.ts'
import { toMicros } from './duration.ts'
import { ruleLimits } from './limits.ts'
import { createSchedule, isTimeZone, type Schedule } from './schedule.ts'

export interface CompiledLevel {
  rank: number
  when: Condition
  forMicros: number
  repeat: { times: number; withinMicros: number } | undefined
  cause: string
}

export interface Silence {
  rank: number
  afterMicros: number
  cause: string
}

/** A rule ready to be evaluated: texts are read once, when it is saved or loaded. */
export interface CompiledRule {
  readonly id: string
  /** Of the stored document; a change makes half-done holds begin anew. */
  readonly version: number
  readonly levels: readonly CompiledLevel[]
  readonly clear: Condition | undefined
  readonly change: { key: string; by: number; perMicros: number; rank: number; cause: string } | undefined
  readonly offline: Silence | undefined
  readonly noData: Silence | undefined
  readonly schedule: Schedule | undefined
  /** Keys that any part of it looks at. */
  readonly keys: ReadonlySet<string>
  readonly anyKey: boolean
  readonly shadow: boolean
}

interface Fault {
  path: string
  code: string
  message: string
}

/** Compiles what was checked against the schema before. Throws FIELD_INVALID with the path of every fault. */
export async function compileRule(id: string, version: number, rule: RuleRecord): Promise<CompiledRule> {
  const faults: Fault[] = []
  const wrong = (path: string, message: string) => {
    faults.push({ path, code: 'invalid', message })
  }
  const duration = (path: string, text: string, leastMicros: number): number => {
    const micros = toMicros(text) ?? 0
    if (micros > ruleLimits.durationMicros) wrong(path, 'is longer than 366d')
    else if (micros < leastMicros) wrong(path, `is shorter than ${leastMicros / 1e6} s`)
    return micros
  }
  const condition = async (path: string, source: unknown): Promise<Condition | undefined> => {
    try {
      // Languages of conditions are some megabytes of code, which a platform without rules does not load.
      if (typeof source !== 'string') {
        const { compileTree } = await import('./condition-tree.ts')
        return compileTree(source)
      }
      const { compileExpression } = await import('./expression.ts')
      return compileExpression(source)
    } catch (cause) {
      if (!(cause instanceof ConditionInvalid)) throw cause
      wrong(path + cause.path, cause.message)
      return undefined
    }
  }

  const levels: CompiledLevel[] = []
  for (const [index, { severity, when: source, for: hold, repeat }] of rule.levels.entries()) {
    const path = `/levels/${index}`
    const when = await condition(`${path}/when`, source)
    const forMicros = hold === undefined ? 0 : duration(`${path}/for`, hold, 0)
    const withinMicros = repeat ? duration(`${path}/repeat/within`, repeat.within, 1) : 0
    if (!when) continue
    const often = repeat ? `, ${repeat.times} times within ${repeat.within}` : ''
    levels.push({
      rank: severityRank(severity),
      when,
      forMicros,
      repeat: repeat && { times: repeat.times, withinMicros },
      cause: cut(when.text) + (forMicros > 0 ? ` for ${hold}` : '') + often,
    })
  }

  const silence = (field: 'offline' | 'noData', words: string): Silence | undefined => {
    const value = rule[field]
    if (value === null) return undefined
    const { after, severity }: { after: string; severity: Severity } =
      typeof value === 'string' ? { after: value, severity: 'major' } : value
    const path = typeof value === 'string' ? `/${field}` : `/${field}/after`
    const afterMicros = duration(path, after, field === 'noData' ? 1_000_000 : 0)
    return { rank: severityRank(severity), afterMicros, cause: `${words} for ${after}` }
  }
  const offline = silence('offline', 'offline')
  const noData = silence('noData', 'no data')
  const clear = rule.clear === null ? undefined : await condition('/clear', rule.clear)
  const { change, schedule } = rule
  const perMicros = change ? duration('/change/per', change.per, 1) : 0
  for (const [index, { after }] of rule.escalate.entries()) duration(`/escalate/${index}/after`, after, 0)
  if (schedule) {
    if (!isTimeZone(schedule.timeZone)) wrong('/schedule/timeZone', 'is not a time zone, such as Europe/Berlin')
    if (schedule.from === '24:00') wrong('/schedule/from', 'must be before 24:00')
  }
  if (rule.levels.length === 0 && !change && !offline && !noData) {
    wrong('/levels', 'holds no level, and there is no change, offline or noData: the rule could never raise an alert')
  }
  if (faults.length > 0) {
    const text = faults.map(({ path, message }) => `${path} ${message}`).join('; ')
    throw new DomainError('FIELD_INVALID', `The rule cannot be taken: ${cut(text)}.`, { fields: faults.slice(0, 50) })
  }

  const conditions = [...levels.map(({ when }) => when), ...(clear ? [clear] : [])]
  return {
    id,
    version,
    levels,
    clear,
    change: change
      ? {
          key: change.key,
          by: change.by,
          perMicros,
          rank: severityRank(change.severity),
          cause: `${change.key} changed by ${change.by} within ${change.per}`,
        }
      : undefined,
    offline,
    noData,
    schedule: schedule ? createSchedule(schedule) : undefined,
    keys: new Set([...conditions.flatMap(({ keys }) => [...keys]), ...(change ? [change.key] : [])]),
    anyKey: conditions.some(({ anyKey }) => anyKey),
    shadow: conditions.some((each) => each.shadow),
  }
}

const maxCauseChars = 500
const cut = (text: string): string => (text.length > maxCauseChars ? `${text.slice(0, maxCauseChars - 1)}…` : text)
