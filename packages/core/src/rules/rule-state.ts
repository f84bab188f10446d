import { Type, type Static } from 'typebox'

const Sample = Type.Tuple([Type.Number(), Type.Number()])

/** What is remembered of one rule on one device. Times are µs; a rank is a severity's, -1 = none. */
export const RuleState = Type.Object({
  version: Type.Integer(),
  /** The last number given to a signal, for their ids. */
  told: Type.Integer(),
  /** The severity that was told, and that of the levels alone. */
  open: Type.Integer(),
  level: Type.Integer(),
  /** By level: since when it matches (0 = it does not), when it matched, and whether it counts now. */
  since: Type.Array(Type.Number()),
  hits: Type.Array(Type.Array(Type.Number())),
  held: Type.Array(Type.Boolean()),
  matched: Type.Boolean(),
  repeatedAt: Type.Number(),
  /** Least and greatest values that a later one may be compared with, oldest first. */
  low: Type.Array(Sample),
  high: Type.Array(Sample),
  changing: Type.Boolean(),
  seenAt: Type.Number(),
  silent: Type.Boolean(),
  offlineAt: Type.Number(),
  gone: Type.Boolean(),
  raises: Type.Array(Type.Number()),
  mutedUntil: Type.Number(),
})
export type RuleState = Static<typeof RuleState>

/** `told`: higher than any number that an earlier state of the pair may have given. */
export const createState = (version: number, levels: number, told: number): RuleState => ({
  version,
  told,
  open: -1,
  level: -1,
  since: Array.from({ length: levels }, () => 0),
  hits: Array.from({ length: levels }, () => []),
  held: Array.from({ length: levels }, () => false),
  matched: false,
  repeatedAt: 0,
  low: [],
  high: [],
  changing: false,
  seenAt: 0,
  silent: false,
  offlineAt: 0,
  gone: false,
  raises: [],
  mutedUntil: 0,
})

/** Nothing would be lost if it were made anew. */
export const isIdle = (state: RuleState): boolean =>
  state.open < 0 &&
  state.level < 0 &&
  state.seenAt === 0 &&
  state.offlineAt === 0 &&
  state.mutedUntil === 0 &&
  state.low.length === 0 &&
  state.high.length === 0 &&
  state.since.every((since) => since === 0) &&
  state.hits.every((hits) => hits.length === 0)

/** The rule was changed: what is open stays so until the new conditions say otherwise, holds begin anew. */
export const carryOver = (before: RuleState, version: number, levels: number): RuleState => ({
  ...createState(version, levels, before.told),
  open: before.open,
  level: before.level,
  seenAt: before.seenAt,
  offlineAt: before.offlineAt,
  mutedUntil: before.mutedUntil,
})

/** Somebody resolved the alert by hand: it is raised again when the condition is met again from now on. */
export function forgetOpen(state: RuleState): void {
  state.open = -1
  state.level = -1
  state.matched = false
  state.changing = false
  state.silent = false
  state.gone = false
  state.held.fill(false)
  state.since.fill(0)
  for (const hits of state.hits) hits.length = 0
}

/** The system's clock was set by `micros`: what is still being waited for stays as far away as it was. */
export function shift(state: RuleState, micros: number): void {
  const move = (at: number): number => (at === 0 ? 0 : Math.max(1, at + micros))
  for (const [level, since] of state.since.entries()) state.since[level] = move(since)
  for (const hits of state.hits) for (const [i, at] of hits.entries()) hits[i] = move(at)
  for (const samples of [state.low, state.high]) for (const sample of samples) sample[0] = move(sample[0])
  for (const [i, at] of state.raises.entries()) state.raises[i] = move(at)
  state.repeatedAt = move(state.repeatedAt)
  state.seenAt = move(state.seenAt)
  state.offlineAt = move(state.offlineAt)
  state.mutedUntil = move(state.mutedUntil)
}

/** The platform was away for so long: nobody's silence is counted for that. */
export function excuse(state: RuleState, micros: number): void {
  if (state.seenAt > 0 && !state.silent) state.seenAt += micros
  if (state.offlineAt > 0 && !state.gone) state.offlineAt += micros
}
