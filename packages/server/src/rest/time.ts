import { RestError } from './errors.ts'

/** Largest moment that is taken: the year 2255, where microseconds still are exact in a float64. */
export const maxMicros = Number.MAX_SAFE_INTEGER

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0')

/** Microseconds since 1970 as ISO 8601 in UTC: milliseconds, or six decimals where the time has them. */
export const toIso = (micros: number): string => {
  const ms = Math.floor(micros / 1000)
  const rest = micros - ms * 1000
  const text = new Date(ms).toISOString()
  return rest === 0 ? text : `${text.slice(0, -1)}${pad(rest, 3)}Z`
}

const isoPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.(\d{1,9}))?)?(?:Z|[+-]\d\d:\d\d)$/

/**
 * A moment of a query as microseconds: ISO 8601 with an offset (a `+` that a URL turned into a space is forgiven), or milliseconds
 * since 1970 with fractions.
 */
export const toMicros = (name: string, text: string): number => {
  if (/^\d{1,16}(\.\d{1,9})?$/.test(text)) {
    const micros = Math.round(Number(text) * 1000)
    if (micros <= maxMicros) return micros
  } else {
    const iso = isoPattern.exec(text.replace(' ', '+'))
    const ms = iso ? Date.parse(text.replace(' ', '+')) : Number.NaN
    if (!Number.isNaN(ms) && ms >= 0) {
      const microDigits = (iso?.[1] ?? '').padEnd(6, '0').slice(3, 6)
      return Math.floor(ms) * 1000 + Number(microDigits)
    }
  }
  throw new RestError(
    'QUERY_INVALID',
    `${name} must be ISO 8601 such as 2026-01-31T12:00:00Z, or milliseconds since 1970.`,
    {
      fields: [
        { path: `/${name}`, code: 'MOMENT_INVALID', message: 'ISO 8601 with an offset, or milliseconds since 1970' },
      ],
    },
  )
}
