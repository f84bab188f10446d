import { StatementError } from './failures.ts'
import { queryLimits } from './limits.ts'

/** What one statement has used up; each throws in InfluxDB's words when it is too much. */
export interface Budget {
  readonly signal: AbortSignal
  points(more: number): void
  series(more: number): void
  buckets(more: number): void
}

export function createBudget(signal: AbortSignal): Budget {
  const counter = (name: 'points' | 'series' | 'buckets', text: string) => {
    let used = 0
    return (more: number): void => {
      used += more
      const most = queryLimits[name]
      if (used > most) throw new StatementError(`max-select-${text} limit exceeded: (${used}/${most})`)
    }
  }
  return {
    signal,
    points: counter('points', 'point'),
    series: counter('series', 'series'),
    buckets: counter('buckets', 'buckets'),
  }
}
