import type { TimelineEntry } from '@patchbay/contracts/alert'
import type { AlertDocument } from './alert-document.ts'
import { alertLimits } from './limits.ts'

/** Adds a step. Of a long story the beginning and the newest are kept. */
export function tell(document: AlertDocument, entry: TimelineEntry): void {
  const { timeline } = document
  timeline.push(entry)
  if (timeline.length <= alertLimits.timelineEntries) return
  timeline.splice(alertLimits.timelineFirst, 1)
  document.timelineLeftOut++
}

/** Repeats in a row are one entry that counts, while their cause is the same. */
export function tellRepeat(document: AlertDocument, at: string, value: unknown): void {
  const last = document.timeline.at(-1)
  const text = document.cause
  if (last?.kind === 'repeated' && last.text === text) Object.assign(last, { at, value, times: (last.times ?? 1) + 1 })
  else tell(document, { at, kind: 'repeated', by: 'rule', times: 1, value, text })
}

/** A value that fits into a document: one too long is told by its length. */
export function boundedValue(value: unknown, maxBytes: number = alertLimits.valueBytes): unknown {
  const text = JSON.stringify(value ?? null)
  return text.length <= maxBytes ? (value ?? null) : { cut: true, length: text.length }
}
