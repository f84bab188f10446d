import type { ReadTime } from './precision.ts'

export type FieldValue = number | boolean | string

/** What a line begins with, its escapes undone. */
export interface Head {
  measurement: string
  /** Sorted by name. */
  tags: [name: string, value: string][]
}

/** What stands behind it. */
export interface Body {
  fields: [name: string, value: FieldValue][]
  /** µs since 1970; undefined = now. */
  at: number | undefined
}

/** One line of the protocol. */
export type Line = Head & Body

/** Why a line cannot be read, in InfluxDB's words. */
export class LineError extends Error {
  override readonly name = 'LineError'
}

const maxInteger = Number.MAX_SAFE_INTEGER
const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const integer = /^[+-]?\d+i$/
const unsigned = /^\+?\d+u$/
const booleans: Readonly<Record<string, boolean>> = {
  t: true,
  T: true,
  true: true,
  True: true,
  TRUE: true,
  f: false,
  F: false,
  false: false,
  False: false,
  FALSE: false,
}

/** Where the first of `stops` stands, not counting what a backslash precedes; the end of the line when none does. */
function scan(line: string, from: number, stops: string): number {
  for (let at = from; at < line.length; at++) {
    const char = line[at] ?? ''
    if (char === '\\') at++
    else if (stops.includes(char)) return at
  }
  return line.length
}

const hasEscape = (text: string): boolean => text.includes('\\')
/** A backslash that escapes nothing stands for itself. */
const ofMeasurement = (text: string): string => (hasEscape(text) ? text.replaceAll(/\\([, ])/g, '$1') : text)
const ofName = (text: string): string => (hasEscape(text) ? text.replaceAll(/\\([,= ])/g, '$1') : text)
const ofText = (text: string): string => (hasEscape(text) ? text.replaceAll(/\\(["\\])/g, '$1') : text)

function readTags(line: string, from: number): Head['tags'] {
  const tags: Head['tags'] = []
  let at = from
  while (line[at] === ',') {
    const middle = scan(line, at + 1, '=, ')
    if (line[middle] === '=' && middle === at + 1) throw new LineError('missing tag key')
    if (middle === at + 1 && line[middle] !== '=') throw new LineError('missing tag key')
    if (line[middle] !== '=') throw new LineError('missing tag value')
    const end = scan(line, middle + 1, '=, ')
    if (end === middle + 1) throw new LineError('missing tag value')
    if (line[end] === '=') throw new LineError('invalid tag format')
    tags.push([ofName(line.slice(at + 1, middle)), ofName(line.slice(middle + 1, end))])
    at = end
  }
  tags.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  if (tags.some(([name], index) => name === tags[index - 1]?.[0])) throw new LineError('duplicate tags')
  return tags
}

function endOfText(line: string, from: number): number {
  for (let at = from; at < line.length; at++) {
    if (line[at] === '\\') at++
    else if (line[at] === '"') return at
  }
  throw new LineError('unbalanced quotes')
}

function toValue(text: string): FieldValue {
  if (number.test(text)) {
    const value = Number(text)
    if (!Number.isFinite(value)) throw new LineError('invalid number')
    return value
  }
  if (integer.test(text) || unsigned.test(text)) {
    const value = Number(text.slice(0, -1))
    if (Math.abs(value) > maxInteger) throw new LineError('integer beyond 2^53: send it as text or as a float')
    return value
  }
  if (Object.hasOwn(booleans, text)) return booleans[text] === true
  throw new LineError(/^[\d.+-]/.test(text) ? 'invalid number' : 'invalid boolean')
}

function readFields(line: string, from: number): { fields: Body['fields']; end: number } {
  const fields: Body['fields'] = []
  let at = from
  for (;;) {
    const middle = scan(line, at, '=, ')
    if (middle === at)
      throw new LineError(at >= line.length && fields.length === 0 ? 'missing fields' : 'missing field key')
    if (line[middle] !== '=') throw new LineError('invalid field format')
    const name = ofName(line.slice(at, middle))
    let end: number
    if (line[middle + 1] === '"') {
      const closed = endOfText(line, middle + 2)
      fields.push([name, ofText(line.slice(middle + 2, closed))])
      end = closed + 1
      if (end < line.length && line[end] !== ',' && line[end] !== ' ') throw new LineError('invalid field format')
    } else {
      end = scan(line, middle + 1, ', ')
      if (end === middle + 1) throw new LineError('missing field value')
      fields.push([name, toValue(line.slice(middle + 1, end))])
    }
    if (line[end] !== ',') return { fields, end }
    at = end + 1
  }
}

const skipSpaces = (line: string, from: number): number => {
  let at = from
  while (line[at] === ' ') at++
  return at
}

/** Where the fields of a line begin: behind the first space that no backslash precedes. */
export const endOfHead = (line: string): number => scan(line, 0, ' ')

/** Reads what stands before the fields. Throws LineError. */
export function parseHead(text: string): Head {
  const end = scan(text, 0, ',')
  if (end === 0) throw new LineError('missing measurement')
  return { measurement: ofMeasurement(text.slice(0, end)), tags: readTags(text, end) }
}

/** Reads a line from the end of its head on. Throws LineError. */
export function parseBody(line: string, from: number, readTime: ReadTime): Body {
  const begin = skipSpaces(line, from)
  if (begin >= line.length) throw new LineError('missing fields')
  const { fields, end } = readFields(line, begin)
  const digits = line.slice(end).trim()
  if (digits === '') return { fields, at: undefined }
  const at = readTime(digits)
  if (Number.isNaN(at)) throw new LineError('bad timestamp')
  return { fields, at }
}

/** Reads one line. Throws LineError. */
export function parseLine(line: string, readTime: ReadTime): Line {
  const end = endOfHead(line)
  return { ...parseHead(line.slice(0, end)), ...parseBody(line, end, readTime) }
}
