import type { PlayEnd } from './player.ts'
import { latencyMs, type Tally } from './tally.ts'
import type { Verdict } from './verify.ts'

const whole = (value: number) => value.toLocaleString('en-US')
const ms = (value: number) => `${value.toFixed(1)} ms`

/** Rows as two columns. */
export const toTable = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')
}

/** The one table at the end of a run. */
export function toReport(tally: Tally, end: PlayEnd, tookMs: number, verdict: Verdict, withFaults: boolean): string {
  const unsure = verdict.unsure === 0 ? '' : `, without a promise or an answer ${whole(verdict.unsure)}`
  const answered = tally.stored > 0
  const onPurpose: [string, string][] = withFaults
    ? [['refused on purpose', `${whole(tally.refusedOnPurpose)} (wrongly stored ${tally.wronglyStored})`]]
    : []
  const rows: [string, string][] = [
    ['messages sent', `${whole(tally.sent)} (${(tally.sent / (tookMs / 1000)).toFixed(1)}/s)`],
    ['acknowledged', whole(tally.stored)],
    ['refused', whole(tally.refused)],
    ...onPurpose,
    ['no answer', whole(tally.unknown)],
    ['publish → ack p50', answered ? ms(latencyMs(tally, 50)) : '-'],
    ['publish → ack p99', answered ? ms(latencyMs(tally, 99)) : '-'],
    ['latest send behind plan', ms(end.worstLagMs)],
    [
      'points stored',
      `${whole(verdict.stored)}; acknowledged ${whole(verdict.expected)}${unsure}; ${verdict.checked} devices checked`,
    ],
  ]
  const reasons = [...tally.reasons].map(([why, times]): [string, string] => [`  ${why}`, whole(times)])
  return toTable([...rows, ...reasons])
}
