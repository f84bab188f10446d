import type { RefusedError } from '@patchbay/sdk'
import { refuse } from '../errors.ts'
import type { LineRef } from './readings.ts'

/** Lines that an answer names; of the others it says how many there are. */
const maxNamed = 100
const maxShownChars = 200

/** What became of the lines of one request. */
export interface Report {
  stored(lines: number): void
  /** Not line protocol; in InfluxDB's words. */
  unreadable(line: LineRef, why: string): void
  refused(line: LineRef, why: RefusedError): void
  /** undefined = all is stored. */
  answer(): ReportAnswer | undefined
}

export interface ReportAnswer {
  status: number
  /** InfluxDB's form: `partial write: … dropped=N`, or the reasons alone when nothing was stored. */
  error: string
  accepted: number
  refused: { line: number; reason: string }[]
  /** For the list of refusals. */
  cause: RefusedError
}

const shown = (text: string): string => (text.length > maxShownChars ? `${text.slice(0, maxShownChars)}…` : text)

export function createReport(): Report {
  const named: { line: number; text: string; reason: string }[] = []
  let accepted = 0
  let unreadable = 0
  let dropped = 0
  let first: RefusedError | undefined
  /** All that was refused was refused for the sender's rights. */
  let onlyRights = true

  const name = (line: LineRef, text: string, reason: string): void => {
    if (named.length < maxNamed) named.push({ line: line.number, text, reason })
  }

  return {
    stored(lines) {
      accepted += lines
    },
    unreadable(line, why) {
      unreadable++
      onlyRights = false
      name(line, `unable to parse '${shown(line.text)}': ${why}`, why)
    },
    refused(line, why) {
      dropped++
      first ??= why
      onlyRights &&= why.reason === 'forbidden' || why.reason === 'banned'
      name(line, `unable to write '${shown(line.text)}': ${why.message} (${why.code})`, why.message)
    },
    answer() {
      const bad = unreadable + dropped
      if (bad === 0) return undefined
      named.sort((a, b) => a.line - b.line)
      const more = bad > named.length ? [`and ${bad - named.length} lines more`] : []
      const reasons = [...named.map(({ text }) => text), ...more].join('\n')
      const isPartial = accepted > 0 || dropped > 0
      return {
        status: accepted === 0 && onlyRights ? 403 : 400,
        error: isPartial ? `partial write: ${reasons} dropped=${dropped}` : reasons,
        accepted,
        refused: named.map(({ line, reason }) => ({ line, reason })),
        cause: first ?? refuse('INFLUX_LINES', named[0]?.text),
      }
    },
  }
}
