import { Type, type Static } from 'typebox'

/** How bad an alert is, the worst first. */
export const severities = ['critical', 'major', 'minor', 'warning', 'info'] as const

export const Severity = Type.Union([
  Type.Literal('critical'),
  Type.Literal('major'),
  Type.Literal('minor'),
  Type.Literal('warning'),
  Type.Literal('info'),
])
export type Severity = Static<typeof Severity>

/** 0 is the worst. */
export const severityRank = (severity: Severity): number => severities.indexOf(severity)
