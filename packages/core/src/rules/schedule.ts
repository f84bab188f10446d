/** A stretch of time, µs, in which a schedule does not change. */
export interface Stretch {
  active: boolean
  from: number
  /** Exclusive. */
  until: number
}

export interface Schedule {
  at(micros: number): Stretch
}

export interface ScheduleFields {
  timeZone: string
  /** 1 = Monday. */
  days?: readonly number[]
  from: string
  to: string
}

const DAY_MS = 86_400_000
/** Days looked at ahead for the next window: a week and the day that the present one began on. */
const daysAhead = 9

/** Windows of a day in a time zone: `from` and `to` are what the clock on the wall shows, also on days that are longer or shorter. */
export function createSchedule({ timeZone, days, from, to }: ScheduleFields): Schedule {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  const begin = toMinutes(from)
  const end = toMinutes(to) <= begin ? toMinutes(to) + 1440 : toMinutes(to)
  let known: Stretch = { active: false, from: 0, until: 0 }

  /** The wall clock at that time, as if it stood in UTC. */
  function wall(ms: number): number {
    const parts: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }

  /** When the wall clock shows this; a time that a change leaves out is the one after it, of two the first is taken. */
  function moment(wallMs: number): number {
    const before = wallMs - (wall(wallMs - DAY_MS) - (wallMs - DAY_MS))
    if (wall(before) === wallMs) return before
    const after = wallMs - (wall(wallMs + DAY_MS) - (wallMs + DAY_MS))
    return wall(after) === wallMs ? after : before
  }

  function find(ms: number): Stretch {
    const now = wall(Math.floor(ms / 1000) * 1000)
    const midnight = Math.floor(now / DAY_MS) * DAY_MS
    let past = Number.NEGATIVE_INFINITY
    for (let day = -1; day < daysAhead; day++) {
      const date = midnight + day * DAY_MS
      const weekday = ((new Date(date).getUTCDay() + 6) % 7) + 1
      if (days && !days.includes(weekday)) continue
      const opens = moment(date + begin * 60_000)
      const closes = moment(date + end * 60_000)
      if (ms < opens) return { active: false, from: past, until: opens }
      if (ms < closes) return { active: true, from: opens, until: closes }
      past = closes
    }
    return { active: false, from: past, until: Number.POSITIVE_INFINITY }
  }

  return {
    at(micros) {
      if (micros < known.from || micros >= known.until) {
        const { active, from: since, until } = find(micros / 1000)
        known = { active, from: since * 1000, until: until * 1000 }
        // Looked backwards no further than a day, so only what lies from here on is certain.
        if (!active && !Number.isFinite(known.from)) known.from = micros
      }
      return known
    },
  }
}

function toMinutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    // Intl knows no other way of asking
    return false
  }
}
