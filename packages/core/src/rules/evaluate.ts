import { severities } from '@patchbay/contracts/severity'
import type { AlertSignal } from '../alerts/port.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { DeviceValues } from './device-values.ts'
import { ruleLimits } from './limits.ts'
import { followChange } from './rate-of-change.ts'
import type { RuleState } from './rule-state.ts'
import { showValues } from './shown-values.ts'

/** One rule on one device. */
export interface Pair {
  readonly rule: CompiledRule
  readonly device: string
  readonly values: DeviceValues
  readonly state: RuleState
  /** When time alone may change something, µs; Infinity = never. */
  due: number
}

export type Emit = (signal: AlertSignal, pair: Pair) => void

/**
 * The evaluation of rules: it changes nothing but the state that it is given, and asks no clock. `at` is the time of the event in µs,
 * `now` what the clock shows. The same function follows live data and, with a made-up clock, history.
 */

/** Readings of these keys came, and are in `values`. */
export function takeReading(pair: Pair, at: number, now: number, touched: ReadonlySet<string>, emit: Emit): void {
  const { rule, state, values } = pair
  if (rule.noData && (rule.keys.size === 0 || rule.anyKey || meets(rule.keys, touched))) state.seenAt = now
  const { change } = rule
  if (change && touched.has(change.key)) {
    const value = values.get(change.key)
    if (typeof value === 'number') state.changing = followChange(state, at, value, change)
  }
  settle(pair, at, touched, emit)
}

/** Something else changed: the shadow, what is known of the device, or the rule itself. */
export function takeChange(pair: Pair, at: number, emit: Emit): void {
  settle(pair, at, undefined, emit)
}

/** The device came, or went at that time. */
export function takePresence(pair: Pair, offlineAt: number | undefined, at: number, emit: Emit): void {
  pair.state.offlineAt = offlineAt ?? 0
  settle(pair, at, undefined, emit)
}

/** Time went by: everything that was due until `at` happens at its own time, one after the other. */
export function advance(pair: Pair, at: number, emit: Emit): void {
  while (pair.due <= at) {
    const { due } = pair
    settle(pair, due, undefined, emit)
    // Whatever is wrong with a schedule, time goes on.
    if (pair.due <= due) pair.due = due + 1
  }
}

/** The rule or the device is gone: what is open ends. */
export function end(pair: Pair, at: number, cause: string, emit: Emit): void {
  if (pair.state.open < 0) return
  pair.state.open = -1
  tell(pair, { kind: 'clear', value: {}, cause }, at, emit)
}

function settle(pair: Pair, at: number, touched: ReadonlySet<string> | undefined, emit: Emit): void {
  const { rule, state, values } = pair
  const active = rule.schedule === undefined || rule.schedule.at(at).active
  let cause = ''
  let keys: ReadonlySet<string> = rule.keys
  let worst = -1

  for (let i = 0; i < rule.levels.length; i++) {
    const level = rule.levels[i]
    if (!level) continue
    if (!active || !level.when.test(values)) {
      state.since[i] = 0
      if (state.held[i]) {
        state.held[i] = false
        state.hits[i] = []
      }
      continue
    }
    const since = state.since[i] || at
    state.since[i] = since
    const { repeat } = level
    const hits = state.hits[i] ?? []
    if (repeat && touched && (level.when.anyKey || meets(level.when.keys, touched))) {
      hits.push(at)
      while (hits.length > repeat.times || (hits[0] ?? at) < at - repeat.withinMicros) hits.shift()
      state.hits[i] = hits
    }
    if (!state.held[i]) {
      state.held[i] = at - since >= level.forMicros && (!repeat || hits.length >= repeat.times)
    }
    if (state.held[i] && (worst < 0 || level.rank < worst)) {
      worst = level.rank
      ;({ cause } = level)
      ;({ keys } = level.when)
    }
  }
  const matches = worst >= 0
  let clearing = 'the condition is no longer met'
  if (matches) state.level = worst
  else if (state.level >= 0) {
    if (rule.clear === undefined) state.level = -1
    else if (rule.clear.test(values)) {
      state.level = -1
      clearing = rule.clear.text
    }
  }
  worst = state.level

  const { change, noData, offline } = rule
  const changing = active && change !== undefined && state.changing
  if (changing && (worst < 0 || change.rank < worst)) {
    worst = change.rank
    ;({ cause } = change)
  }
  state.silent = active && noData !== undefined && state.seenAt > 0 && at - state.seenAt >= noData.afterMicros
  if (noData && state.silent && (worst < 0 || noData.rank < worst)) {
    worst = noData.rank
    ;({ cause } = noData)
  }
  state.gone = active && offline !== undefined && state.offlineAt > 0 && at - state.offlineAt >= offline.afterMicros
  if (offline && state.gone && (worst < 0 || offline.rank < worst)) {
    worst = offline.rank
    ;({ cause } = offline)
  }

  report(
    pair,
    at,
    { worst, cause, clearing, keys, again: (matches || changing) && !state.matched && touched !== undefined },
    emit,
  )
  state.matched = matches || changing
  pair.due = nextDue(pair, at)
}

interface Finding {
  worst: number
  cause: string
  clearing: string
  keys: ReadonlySet<string>
  /** The condition is met once more after it was not. */
  again: boolean
}

/** Tells the difference between what was told and what is. */
function report(pair: Pair, at: number, found: Finding, emit: Emit): void {
  const { state } = pair
  const { worst, keys } = found
  if (worst === state.open && (worst < 0 || !found.again)) return
  if (state.mutedUntil > at) return
  state.mutedUntil = 0
  const before = state.open
  if (worst < 0) {
    state.open = -1
    tell(pair, { kind: 'clear', value: showValues(pair.values, keys), cause: found.clearing }, at, emit)
    return
  }
  const severity = severities[worst]
  if (severity === undefined) return
  const cause = found.cause || 'the condition that was met before has not been cleared'
  if (before === worst) {
    if (at - state.repeatedAt < ruleLimits.repeatGapMicros) return
    state.repeatedAt = at
    tell(pair, { kind: 'repeat', severity, value: showValues(pair.values, keys), cause }, at, emit)
    return
  }
  state.open = worst
  if (before < 0) {
    state.repeatedAt = at
    noteRaise(state, at)
  }
  tell(
    pair,
    { kind: before < 0 ? 'raise' : 'severity', severity, value: showValues(pair.values, keys), cause },
    at,
    emit,
  )
}

/** Raise after raise in no time is a loop: its own alerts feed the rule, or the value dances on the threshold. */
function noteRaise(state: RuleState, at: number): void {
  state.raises.push(at)
  if (state.raises.length < ruleLimits.loopRaises) return
  const first = state.raises.shift() ?? at
  if (at - first > ruleLimits.loopWindowMicros) return
  state.mutedUntil = at + ruleLimits.loopPauseMicros
  state.raises = []
}

type Said = AlertSignal extends infer S
  ? S extends AlertSignal
    ? Omit<S, 'id' | 'rule' | 'device' | 'at'>
    : never
  : never

function tell(pair: Pair, said: Said, at: number, emit: Emit): void {
  const { rule, device, state } = pair
  state.told++
  emit({ id: `${rule.id}/${device}/${state.told.toString(36)}`, rule: rule.id, device, at, ...said }, pair)
}

/** When time may change something for a state that was read back; `schedules` were looked at until `keptAt`. */
export function restoreDue(pair: Pair, keptAt: number): void {
  const { schedule } = pair.rule
  const boundary = schedule === undefined ? Number.POSITIVE_INFINITY : schedule.at(keptAt).until
  pair.due = Math.min(boundary, deadline(pair, 0))
}

function nextDue(pair: Pair, at: number): number {
  const { schedule } = pair.rule
  const due = deadline(pair, at)
  return schedule === undefined ? due : Math.min(due, schedule.at(at).until)
}

function deadline({ rule, state }: Pair, at: number): number {
  let due = Number.POSITIVE_INFINITY
  for (let i = 0; i < rule.levels.length; i++) {
    const level = rule.levels[i]
    const since = state.since[i] ?? 0
    if (!level || since === 0 || state.held[i]) continue
    if (level.repeat && (state.hits[i]?.length ?? 0) < level.repeat.times) continue
    due = Math.min(due, since + level.forMicros)
  }
  if (rule.noData && state.seenAt > 0 && !state.silent)
    due = Math.min(due, after(state.seenAt, rule.noData.afterMicros, at))
  if (rule.offline && state.offlineAt > 0 && !state.gone) {
    due = Math.min(due, after(state.offlineAt, rule.offline.afterMicros, at))
  }
  if (state.mutedUntil > at) due = Math.min(due, state.mutedUntil)
  return due
}

/** A deadline that lies behind is only kept off by the schedule, whose own time comes. */
const after = (from: number, micros: number, at: number): number =>
  from + micros > at ? from + micros : Number.POSITIVE_INFINITY

function meets(keys: ReadonlySet<string>, touched: ReadonlySet<string>): boolean {
  for (const key of touched) if (keys.has(key)) return true
  return false
}
