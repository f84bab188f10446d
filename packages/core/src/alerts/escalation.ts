import type { AlertDocument } from './alert-document.ts'
import { toIso } from './moment.ts'
import { isSilenced, notify, type Surroundings } from './notify.ts'
import type { RuleTexts } from './rule-book.ts'
import { tell } from './timeline.ts'

const stepsOf = (rule: RuleTexts | undefined) =>
  (rule?.escalate ?? []).toSorted((one, other) => one.afterMicros - other.afterMicros)

/** Counts from now, as after a raise; `step` of the steps are taken already. */
export function startEscalation(document: AlertDocument, around: Surroundings): void {
  setStep(document, around, around.moment.steadyMicros, 0)
}

export function endEscalation(document: AlertDocument): void {
  delete document.escalation
}

function setStep(document: AlertDocument, { rule }: Surroundings, from: number, step: number): void {
  const next = stepsOf(rule)[step]
  if (next) document.escalation = { from, step, dueAt: from + next.afterMicros }
  else delete document.escalation
}

/** Takes the steps that are due. One that falls into a silence is taken at its end. */
export function escalate(document: AlertDocument, around: Surroundings): void {
  if (document.state !== 'open') endEscalation(document)
  const { moment, rule } = around
  for (let due = document.escalation; due && due.dueAt <= moment.steadyMicros; due = document.escalation) {
    if (isSilenced(document, moment)) {
      const restMicros = Date.parse(document.silencedUntil ?? '') * 1000 - moment.wallMicros
      document.escalation = { ...due, dueAt: moment.steadyMicros + restMicros }
      return
    }
    const step = stepsOf(rule)[due.step]
    if (step) {
      tell(document, { at: toIso(moment.wallMicros), kind: 'escalated', by: 'platform', channels: [...step.channels] })
      notify(document, 'escalated', step.channels, around)
    }
    setStep(document, around, due.from, due.step + 1)
  }
}

/**
 * At a start: what is left of a wait cannot be longer than the whole of it. It only looks so when the system's clock was set back
 * while the platform was down.
 */
export function shortenWait(document: AlertDocument, around: Surroundings): boolean {
  const { escalation } = document
  if (!escalation) return false
  const step = stepsOf(around.rule)[escalation.step]
  const latest = around.moment.steadyMicros + (step?.afterMicros ?? 0)
  if (escalation.dueAt <= latest) return false
  document.escalation = { ...escalation, from: around.moment.steadyMicros, dueAt: latest }
  return true
}
