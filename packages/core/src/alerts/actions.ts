import type { AlertDocument } from './alert-document.ts'
import { DomainError } from '../errors.ts'
import { endEscalation } from './escalation.ts'
import { resolve } from './lifecycle.ts'
import { alertLimits } from './limits.ts'
import { toIso } from './moment.ts'
import { isSilenced, type Surroundings } from './notify.ts'
import { tellWithheld } from './timers.ts'
import { tell } from './timeline.ts'

/** What a person does to an alert; answers false when it is so already. Throws DomainError. */
export type Action = (document: AlertDocument, around: Surroundings) => boolean

const conflict = (text: string) => new DomainError('STATE_CONFLICT', text)
const noted = (comment: string | undefined) => (comment === undefined ? {} : { text: comment })

export const acknowledge =
  (by: string, comment: string | undefined): Action =>
  (document, { moment }) => {
    if (document.state === 'resolved') throw conflict('The alert is resolved: there is nothing to acknowledge.')
    if (document.state === 'acknowledged') return false
    const at = toIso(moment.wallMicros)
    Object.assign(document, { state: 'acknowledged', acknowledgedAt: at, acknowledgedBy: by })
    endEscalation(document)
    tell(document, { at, kind: 'acknowledged', by, ...noted(comment) })
    return true
  }

export const resolveByHand =
  (by: string, comment: string | undefined): Action =>
  (document, around) => {
    if (document.state === 'resolved') throw conflict('The alert is resolved already.')
    resolve(document, by, comment, around)
    return true
  }

export const endByPlatform =
  (why: string): Action =>
  (document, around) => {
    if (document.state === 'resolved') return false
    resolve(document, 'platform', why, around)
    return true
  }

export const assign =
  (by: string, assignee: string | null): Action =>
  (document, { moment }) => {
    if ((document.assignee ?? null) === assignee) return false
    if (assignee === null) delete document.assignee
    else document.assignee = assignee
    tell(document, { at: toIso(moment.wallMicros), kind: 'assigned', by, text: assignee ?? 'nobody' })
    return true
  }

export const comment =
  (by: string, text: string): Action =>
  (document, { moment }) => {
    tell(document, { at: toIso(moment.wallMicros), kind: 'commented', by, text })
    return true
  }

/** Until a time by the clock; null ends it. */
export const silence =
  (by: string, until: string | null): Action =>
  (document, around) => {
    const { wallMicros } = around.moment
    if (document.state === 'resolved') throw conflict('The alert is resolved: there is nothing to silence.')
    const at = toIso(wallMicros)
    if (until === null) {
      if (document.silencedUntil === undefined) return false
      delete document.silencedUntil
      tell(document, { at, kind: 'silence-ended', by })
      tellWithheld(document, around)
      return true
    }
    const untilMicros = Date.parse(until) * 1000
    if (!(untilMicros > wallMicros) || untilMicros > wallMicros + alertLimits.silenceMicros) {
      const message = 'must lie ahead, and within a year'
      throw new DomainError('FIELD_INVALID', `The end of the silence ${message}.`, {
        fields: [{ path: '/until', code: 'range', message }],
      })
    }
    const silencedUntil = toIso(untilMicros)
    if (isSilenced(document, around.moment) && document.silencedUntil === silencedUntil) return false
    document.silencedUntil = silencedUntil
    tell(document, { at, kind: 'silenced', by, text: `until ${silencedUntil}` })
    return true
  }
