/** What a number of a message counts. */
export const timeUnits = ['s', 'ms', 'us', 'ns'] as const
export type TimeUnit = (typeof timeUnits)[number]

const microsOf: Record<TimeUnit, number> = { s: 1e6, ms: 1e3, us: 1, ns: 1e-3 }

const iso = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/

function ofText(text: string, unit: TimeUnit): number | undefined {
  const found = iso.exec(text)
  if (!found) return /^-?\d+(\.\d+)?$/.test(text) ? ofNumber(Number(text), unit) : undefined
  const [, decimals = '', zone] = found
  const whole = text.replace(/[.,]\d{1,9}/, '').replace(' ', 'T')
  // A time without a zone is UTC here, wherever this runs.
  const ms = Date.parse(zone === undefined ? `${whole}Z` : whole)
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(decimals.padEnd(6, '0').slice(0, 6))
}

const ofNumber = (value: number, unit: TimeUnit): number | undefined => {
  const micros = Math.round(value * microsOf[unit])
  return Number.isSafeInteger(micros) ? micros : undefined
}

/** Integer microseconds since 1970 of a number, or of a text in ISO 8601; undefined for what is neither. */
export const toMicros = (value: unknown, unit: TimeUnit): number | undefined =>
  typeof value === 'number' ? ofNumber(value, unit) : typeof value === 'string' ? ofText(value, unit) : undefined
