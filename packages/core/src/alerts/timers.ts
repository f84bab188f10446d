import type { AlertDocument } from './alert-document.ts'
import { escalate } from './escalation.ts'
import { resolve } from './lifecycle.ts'
import { toIso } from './moment.ts'
import { isSilenced, notify, type Surroundings } from './notify.ts'
import { tell } from './timeline.ts'

/** Does what time alone has made due. Doing it again changes nothing. */
export function ring(document: AlertDocument, around: Surroundings): void {
  if (document.state === 'resolved') return
  endSilence(document, around)
  calm(document, around)
  escalate(document, around)
}

function endSilence(document: AlertDocument, around: Surroundings): void {
  if (document.silencedUntil === undefined || isSilenced(document, around.moment)) return
  delete document.silencedUntil
  tell(document, { at: toIso(around.moment.wallMicros), kind: 'silence-ended', by: 'platform' })
  tellWithheld(document, around)
}

/** What a silence held back is told at its end, once, if it still matters. */
export function tellWithheld(document: AlertDocument, around: Surroundings): void {
  const { withheld } = document
  delete document.withheld
  if (withheld === undefined || document.state !== 'open') return
  notify(document, withheld, around.rule?.channels ?? [], around)
}

function calm(document: AlertDocument, around: Surroundings): void {
  const { flap } = document
  if (flap.calmAt === undefined || flap.calmAt > around.moment.steadyMicros) return
  const { cleared } = flap
  delete flap.calmAt
  delete flap.cleared
  tell(document, { at: toIso(around.moment.wallMicros), kind: 'calm', by: 'platform' })
  if (cleared) resolve(document, 'rule', 'clear, and calm since', around)
}
