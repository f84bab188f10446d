import type { DatabaseSync } from 'node:sqlite'
import { coarsen, writeRollups, type Rollup } from '@patchbay/core/telemetry/codec/rollup'
import { kinds } from '@patchbay/core/telemetry/port'
import { createBackgroundTransaction } from './background-transaction.ts'
import { toFailure } from './failure.ts'
import type { HotRow, Steps } from './hot-rows.ts'
import { PAUSE } from './hot-rows.ts'
import { ReadBudget, ROWS_PER_TURN } from './read-budget.ts'
import type { SeriesPlace, SeriesPoints } from './series-points.ts'
import { DAY, dayOf, MINUTE, tiers } from './tiers.ts'

export const MINUTES_AN_HOUR = 60
export const HOURS_A_DAY = 24
/** Minutes are kept only where they are much less than the points themselves. */
export const POINTS_A_MINUTE = 8
const STEP_MS = 10

export interface RollupWork {
  /** Goes on with days that were changed before that time; answers whether there is more. */
  step(changedBeforeMs: number): boolean
}

interface Changed {
  owner: number
  day: number
  marked: number
}

/** Rolls changed days up, little by little; what changes meanwhile makes the day changed again. */
export function createRollupWork(db: DatabaseSync, points: SeriesPoints): RollupWork {
  const transaction = createBackgroundTransaction(db)
  const nextChanged = db.prepare('SELECT owner, day, marked FROM changed WHERE since <= ? ORDER BY since LIMIT 1')
  const device = db.prepare('SELECT device, raw_from FROM owner WHERE id = ?')
  const seriesOf = db.prepare('SELECT id FROM series WHERE device = ?')
  const seriesFrom = db.prepare('SELECT raw_from FROM series_from WHERE series = ?')
  const finish = db.prepare('DELETE FROM changed WHERE owner = ? AND day = ? AND marked = ?')
  const store = db.prepare('INSERT OR REPLACE INTO rollup VALUES (?, ?, ?, ?)')
  const drop = db.prepare('DELETE FROM rollup WHERE series = ? AND tier IN (0, 1, 2) AND day = ?')
  let running: Steps<void> | undefined

  function* rollDay({ owner, day, marked }: Changed): Steps<void> {
    const row = device.get(owner)
    const [name, rawFrom] = [row?.['device'], row?.['raw_from']]
    const made = new Map<number, Rollup[] | undefined>()
    // Of a day whose points have begun to go only the roll-ups of before are whole.
    const whole = typeof rawFrom === 'number' && rawFrom <= day * DAY
    for (const { id } of whole && typeof name === 'string' ? seriesOf.all(name) : []) {
      if (typeof id !== 'number' || typeof name !== 'string') continue
      const from = Number(seriesFrom.get(id)?.['raw_from'] ?? 0)
      if (from <= day * DAY) made.set(id, yield* rollSeries({ device: name, series: id, owner }, day))
    }
    transaction(() => {
      if (finish.run(owner, day, marked).changes === 0) return
      for (const [series, minutes] of made) {
        drop.run(series, day)
        if (minutes) put(series, day, minutes)
      }
    })
  }

  /** The minutes of a day; undefined when not all its values are numbers. */
  function* rollSeries(place: SeriesPlace, day: number): Steps<Rollup[] | undefined> {
    const minutes: Rollup[] = []
    // Not a caller's read: no bound on the rows, only turns.
    const budget = new ReadBudget(Infinity)
    for (const stretch of points.stretches(budget, place, day * DAY, (day + 1) * DAY, ROWS_PER_TURN)) {
      if (stretch === PAUSE) yield PAUSE
      else if ('rows' in stretch) {
        for (const row of stretch.rows) if (!addTo(minutes, row)) return undefined
      }
    }
    yield PAUSE
    return minutes
  }

  function put(series: number, day: number, minutes: Rollup[]): void {
    const total = minutes.reduce((sum, { count }) => sum + count, 0)
    if (total === 0) return
    const hours = coarsen(minutes, MINUTES_AN_HOUR)
    if (total >= minutes.length * POINTS_A_MINUTE) store.run(series, tiers.minute, day, writeRollups(minutes))
    if (total > hours.length) store.run(series, tiers.hour, day, writeRollups(hours))
    store.run(series, tiers.day, day, writeRollups(coarsen(hours, HOURS_A_DAY)))
  }

  function begin(changedBeforeMs: number): Steps<void> | undefined {
    const row = nextChanged.get(changedBeforeMs)
    const [owner, day, marked] = [row?.['owner'], row?.['day'], row?.['marked']]
    if (typeof owner !== 'number' || typeof day !== 'number' || typeof marked !== 'number') return undefined
    return rollDay({ owner, day, marked })
  }

  return {
    step(changedBeforeMs) {
      const end = performance.now() + STEP_MS
      try {
        do {
          running ??= begin(changedBeforeMs)
          if (!running) return false
          if (running.next().done) running = undefined
        } while (performance.now() < end)
        return true
      } catch (error) {
        running = undefined
        if (toFailure(error).sort === 'corrupt') throw error
        // The disk cannot take it now; the day stays changed and is tried again.
        return false
      }
    },
  }
}

export function addTo(minutes: Rollup[], { at, kind, value }: HotRow): boolean {
  if (kind !== kinds.number || typeof value !== 'number') return false
  const place = Math.floor((at - dayOf(at) * DAY) / MINUTE)
  const into = minutes.at(-1)
  if (into?.place !== place) {
    minutes.push({ place, count: 1, sum: value, min: value, max: value, first: value, last: value })
    return true
  }
  into.count += 1
  into.sum += value
  if (value < into.min) into.min = value
  if (value > into.max) into.max = value
  into.last = value
  return true
}
