import { refuse } from '../errors.ts'

/** Microseconds of one unit; nanoseconds are a fraction. */
const micros: Readonly<Record<string, number>> = {
  u: 1,
  us: 1,
  µ: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3600e6,
}

/** Turns the digits of a timestamp into microseconds; NaN where they are none. */
export type ReadTime = (digits: string) => number

const whole = /^-?\d{1,19}$/

const nanos: ReadTime = (digits) => {
  if (!whole.test(digits)) return Number.NaN
  // Cut, not divided: a double does not hold nanoseconds of our days. What is below a microsecond is not kept.
  return digits.length > 3 ? Number(digits.slice(0, -3)) : 0
}

/** The reader of a request's `precision`. Throws Refused for one that InfluxDB does not have either. */
export function toReadTime(precision: string | null): ReadTime {
  if (precision === null || precision === '' || precision === 'ns' || precision === 'n') return nanos
  const unit = Object.hasOwn(micros, precision) ? micros[precision] : undefined
  if (unit === undefined) throw refuse('INFLUX_PRECISION')
  return (digits) => (whole.test(digits) ? Number(digits) * unit : Number.NaN)
}
