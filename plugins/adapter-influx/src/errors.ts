import { Refused } from '@patchbay/sdk'

/** What this adapter itself refuses. Codes are never used again for something else. */
export const influxRefusals = {
  INFLUX_BODY_ENCODING: {
    reason: 'malformed',
    step: 'decode',
    text: 'The body is not what its Content-Encoding says, or no UTF-8.',
  },
  INFLUX_BODY_TOO_LARGE: { reason: 'too-large', step: 'limit', text: 'The body is larger than permitted.' },
  INFLUX_LINE_TOO_LONG: { reason: 'too-large', step: 'limit', text: 'A line is longer than 256 KiB.' },
  INFLUX_PRECISION: {
    reason: 'malformed',
    step: 'query',
    text: 'The precision must be one of ns, n, us, u, ms, s, m and h.',
  },
  INFLUX_LINES: {
    reason: 'invalid',
    step: 'decode',
    text: 'Some lines could not be read or stored; the answer names them. The others are stored.',
  },
  INFLUX_BUSY: { reason: 'quota', step: 'limit', text: 'As many queries wait as permitted. Ask again.' },
} as const
export type InfluxRefusalCode = keyof typeof influxRefusals

export function refuse(code: InfluxRefusalCode, detail?: string, cause?: unknown): Refused {
  const { reason, step, text } = influxRefusals[code]
  return new Refused(reason, code, step, detail ?? text, cause === undefined ? {} : { cause })
}
