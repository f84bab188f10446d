import { createHash } from 'node:crypto'
import { severityRank } from '@patchbay/contracts/severity'
import { toPair, type AlertDocument } from './alert-document.ts'
import { endEscalation, startEscalation } from './escalation.ts'
import { alertLimits } from './limits.ts'
import { toIso } from './moment.ts'
import { notify, type Surroundings } from './notify.ts'
import type { AlertSignal } from './port.ts'
import { boundedValue, tell, tellRepeat } from './timeline.ts'

type Found = Exclude<AlertSignal, { kind: 'clear' }>

const signalChars = 12

/** A short mark of a signal's id, however long that is. */
export const toMark = (id: string): string => createHash('sha256').update(id).digest('base64url').slice(0, signalChars)

/** What a signal does to the newest alert of its rule and device: changes it, opens the next one, or nothing. */
export type SignalEffect = { kind: 'none' } | { kind: 'change' } | { kind: 'open'; document: AlertDocument }

export function applySignal(last: AlertDocument | undefined, signal: AlertSignal, around: Surroundings): SignalEffect {
  const mark = toMark(signal.id)
  if (last?.signals.includes(mark)) return { kind: 'none' }
  if (last && last.state !== 'resolved') {
    remember(last, mark)
    if (signal.kind === 'clear') clear(last, signal, around)
    else find(last, signal, around)
    return { kind: 'change' }
  }
  if (signal.kind === 'clear' || (last && !opensAnother(last, signal))) return { kind: 'none' }
  const document = open(last, signal, around)
  remember(document, mark)
  return { kind: 'open', document }
}

function remember(document: AlertDocument, mark: string): void {
  document.signals = [...document.signals, mark].slice(-alertLimits.signalsKept)
}

/** A person who resolved an alert while its condition holds does not want to hear of it again, unless it gets worse. */
function opensAnother(last: AlertDocument, { kind, severity }: Found): boolean {
  if (kind === 'raise' || last.resolvedBy === 'rule' || last.resolvedBy === 'platform') return true
  return severityRank(severity) < severityRank(last.severity)
}

function open(last: AlertDocument | undefined, signal: Found, around: Surroundings): AlertDocument {
  const { moment, rule, facts } = around
  const { wallMicros, steadyMicros } = moment
  const at = toIso(wallMicros)
  const raises = [...(last?.flap.raises ?? []), steadyMicros]
    .filter((each) => each > steadyMicros - alertLimits.flapWindowMicros && each <= steadyMicros)
    .slice(-alertLimits.flapRaises)
  const value = boundedValue(signal.value)
  const cause = signal.cause.slice(0, alertLimits.causeLength)
  const document: AlertDocument = {
    pair: toPair(signal.device, signal.rule),
    rule: signal.rule,
    ruleName: rule?.name ?? signal.rule,
    device: signal.device,
    facts: { ...facts, tags: [...(facts?.tags ?? [])] },
    severity: signal.severity,
    state: 'open',
    // A device may send times that are ahead of the clock.
    raisedAt: toIso(Math.min(signal.at, wallMicros)),
    count: 1,
    value,
    cause,
    timeline: [],
    timelineLeftOut: 0,
    notified: 0,
    told: [],
    outbox: [],
    flap: { raises },
    signals: [...(last?.signals ?? [])],
  }
  tell(document, { at, kind: 'raised', by: 'rule', severity: signal.severity, value, text: cause })
  if (raises.length >= alertLimits.flapRaises) {
    document.flap.calmAt = steadyMicros + alertLimits.flapCalmMicros
    const minutes = alertLimits.flapWindowMicros / 60_000_000
    tell(document, {
      at,
      kind: 'flapping',
      by: 'platform',
      text: `raised ${raises.length} times in ${minutes} minutes`,
    })
  }
  notify(document, 'raised', rule?.channels ?? [], around)
  startEscalation(document, around)
  return document
}

/** The condition is met while the alert is active. */
function find(document: AlertDocument, signal: Found, around: Surroundings): void {
  const { moment, rule } = around
  const at = toIso(moment.wallMicros)
  const value = boundedValue(signal.value)
  const before = document.severity
  document.value = value
  document.cause = signal.cause.slice(0, alertLimits.causeLength)
  if (signal.kind !== 'severity') document.count++
  if (document.flap.calmAt !== undefined && signal.kind === 'raise') {
    delete document.flap.cleared
    document.flap.calmAt = moment.steadyMicros + alertLimits.flapCalmMicros
  }
  if (signal.severity === before) {
    if (signal.kind !== 'severity') tellRepeat(document, at, value)
    return
  }
  document.severity = signal.severity
  tell(document, { at, kind: 'severity', by: 'rule', severity: signal.severity, value, text: document.cause })
  if (severityRank(signal.severity) > severityRank(before)) return
  if (document.state === 'acknowledged') {
    document.state = 'open'
    delete document.acknowledgedAt
    delete document.acknowledgedBy
    tell(document, { at, kind: 'reopened', by: 'platform', text: `${before} became ${signal.severity}` })
    startEscalation(document, around)
  }
  notify(document, 'severity', rule?.channels ?? [], around)
}

function clear(document: AlertDocument, { cause, value }: AlertSignal, around: Surroundings): void {
  const { flap } = document
  document.value = boundedValue(value)
  if (flap.calmAt !== undefined) {
    flap.cleared = true
    flap.calmAt = around.moment.steadyMicros + alertLimits.flapCalmMicros
    return
  }
  resolve(document, 'rule', cause.slice(0, alertLimits.causeLength), around)
}

/** Ends it, by the rule or by a person. Those who were told of it hear of its end. */
export function resolve(document: AlertDocument, by: string, text: string | undefined, around: Surroundings): void {
  const at = toIso(around.moment.wallMicros)
  document.state = 'resolved'
  document.resolvedAt = at
  document.resolvedBy = by
  delete document.flap.calmAt
  delete document.flap.cleared
  delete document.withheld
  endEscalation(document)
  tell(document, { at, kind: 'resolved', by, ...(text === undefined ? {} : { text }) })
  notify(document, 'resolved', document.told, around)
}
