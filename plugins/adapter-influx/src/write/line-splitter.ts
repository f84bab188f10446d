import { refuse } from '../errors.ts'

/** No message of a device is larger, so no line can be. */
export const maxLineChars = 256 * 1024

/** One line as it came, and which one of the body it was, from 1. */
export type HearLine = (line: string, number: number) => void

/** Cuts a text that arrives in pieces into lines. A line break inside a quoted text belongs to the text. */
export interface LineSplitter {
  push(text: string): void
  end(): void
}

/** InfluxDB skips these before a line, and a carriage return after it. */
const around = /^[ \t\0\r\n]+|\r$/g

const newline = 10
const quote = 34
const comma = 44
const equals = 61
const backslash = 92
const space = 32
const hash = 35

export function createLineSplitter(hear: HearLine): LineSplitter {
  let rest = ''
  let number = 1
  /** Where in `rest` the scan goes on, and what it knows of the line so far. */
  let at = 0
  let inFields = false
  let quoted = false
  let isComment = false
  let begun = false
  let values = 0
  let separators = 0

  const startLine = (): void => {
    inFields = false
    quoted = false
    isComment = false
    begun = false
    values = 0
    separators = 0
  }

  function emit(line: string): void {
    const first = number++
    if (!isComment && begun) {
      hear(line.replace(around, ''), first)
      // A quoted text has lines of its own.
      if (line.includes('\n')) number += line.split('\n').length - 1
    }
    startLine()
  }

  /** A quote opens a text only where a value begins, which is told by counting `=` and `,` as InfluxDB does. */
  function see(code: number): void {
    if (quoted) {
      if (code === quote) quoted = false
      return
    }
    if (code === space) inFields = true
    else if (!inFields) return
    else if (code === equals) values++
    else if (code === comma) separators++
    else if (code === quote && values > separators) quoted = true
  }

  return {
    push(text) {
      rest += text
      let start = 0
      for (; at < rest.length; at++) {
        const code = rest.charCodeAt(at)
        if (code === newline && !quoted) {
          emit(rest.slice(start, at))
          start = at + 1
        } else if (isComment) continue
        else if (!begun && code !== space && code !== 9 && code !== 13 && code !== 0) {
          begun = true
          if (code === hash) isComment = true
          else if (code === backslash) at++
        } else if (!begun) continue
        // What follows a backslash is not looked at; it may still have to arrive.
        else if (code === backslash) at++
        else see(code)
      }
      rest = rest.slice(start)
      at -= start
      if (isComment) {
        rest = ''
        at = 0
      } else if (rest.length > maxLineChars)
        throw refuse('INFLUX_LINE_TOO_LONG', `Line ${number} is longer than permitted.`)
    },
    end() {
      if (rest !== '') emit(rest)
    },
  }
}
