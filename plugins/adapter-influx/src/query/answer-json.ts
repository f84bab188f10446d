import type { WriteTime } from './epoch.ts'
import type { OutRow } from './group.ts'
import type { Block } from './select.ts'
import type { Table } from './show.ts'

/** What one statement came to: its series, and an error behind them when it ended with one. */
export interface Result {
  id: number
  parts: AsyncIterable<Block | Table>
}

/** Turns an error into the words that the client gets; throws it again when it is none of a statement. */
export type Explain = (error: unknown) => string

const head = ({ name, columns, ...more }: Block | Table): string => {
  const tags = 'tags' in more && more.tags ? `"tags":${JSON.stringify(Object.fromEntries(more.tags))},` : ''
  return `${name === undefined ? '' : `"name":${JSON.stringify(name)},`}${tags}"columns":${JSON.stringify(columns)}`
}

const rowText = ({ at, values }: OutRow, writeTime: WriteTime): string =>
  values.length === 0 ? `[${writeTime(at)}]` : `[${writeTime(at)},${JSON.stringify(values).slice(1)}`

async function* pagesOf(part: Block | Table, writeTime: WriteTime): AsyncGenerator<string[]> {
  if ('rows' in part) yield part.rows.map((row) => JSON.stringify(row))
  else for await (const page of part.pages) yield page.map((row) => rowText(row, writeTime))
}

/** One document for all statements, written as it is made. */
export async function* toJson(
  results: AsyncIterable<Result>,
  writeTime: WriteTime,
  explain: Explain,
): AsyncGenerator<string> {
  yield '{"results":['
  let isFirst = true
  for await (const { id, parts } of results) {
    yield `${isFirst ? '' : ','}{"statement_id":${id}`
    isFirst = false
    let series = 0
    let isOpen = false
    try {
      for await (const part of parts) {
        yield `${series++ === 0 ? ',"series":[' : ','}{${head(part)},"values":[`
        isOpen = true
        let rows = 0
        for await (const page of pagesOf(part, writeTime)) {
          if (page.length > 0) yield (rows === 0 ? '' : ',') + page.join(',')
          rows += page.length
        }
        yield ']}'
        isOpen = false
      }
      if (series > 0) yield ']'
    } catch (error) {
      const text = JSON.stringify(explain(error))
      yield `${isOpen ? ']}' : ''}${series > 0 ? ']' : ''},"error":${text}`
    }
    yield '}'
  }
  yield ']}\n'
}

/** A document for each piece of `size` rows; `partial` where more of a series, or of a statement, follows. */
export async function* toChunks(
  results: AsyncIterable<Result>,
  { writeTime, size, explain }: { writeTime: WriteTime; size: number; explain: Explain },
): AsyncGenerator<string> {
  for await (const { id, parts } of results) {
    const wrap = (inner: string): string => `{"results":[{"statement_id":${id}${inner}}]}\n`
    // A piece is written when it is known whether another one follows.
    let waiting: { head: string; rows: string[] } | undefined
    const write = (isSeriesPartial: boolean, isPartial: boolean): string =>
      wrap(
        waiting
          ? `,"series":[{${waiting.head},"values":[${waiting.rows.join(',')}]${isSeriesPartial ? ',"partial":true' : ''}}]${isPartial ? ',"partial":true' : ''}`
          : '',
      )
    try {
      for await (const part of parts) {
        if (waiting) yield write(false, 'pages' in part)
        waiting = { head: head(part), rows: [] }
        for await (const page of pagesOf(part, writeTime)) {
          for (const row of page) {
            if (waiting.rows.length >= size) {
              yield write(true, true)
              waiting = { head: waiting.head, rows: [] }
            }
            waiting.rows.push(row)
          }
        }
      }
      yield write(false, false)
    } catch (error) {
      if (waiting) yield write(false, true)
      yield wrap(`,"error":${JSON.stringify(explain(error))}`)
    }
  }
}

/** Sets a JSON text out over lines, as it comes. */
export async function* toPretty(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let depth = 0
  let inText = false
  let escaped = false
  let isEmpty = false
  const newline = (): string => `\n${'    '.repeat(depth)}`
  for await (const piece of pieces) {
    let made = ''
    for (const char of piece) {
      if (inText) {
        made += char
        if (escaped) escaped = false
        else if (char === '\\') escaped = true
        else if (char === '"') inText = false
        continue
      }
      if (char === '\n') {
        made += char
        continue
      }
      if (char === '}' || char === ']') {
        depth--
        made += isEmpty ? char : newline() + char
        isEmpty = false
        continue
      }
      if (isEmpty) made += newline()
      isEmpty = false
      if (char === '{' || char === '[') {
        depth++
        isEmpty = true
        made += char
      } else if (char === ',') made += `,${newline()}`
      else if (char === ':') made += ': '
      else {
        if (char === '"') inText = true
        made += char
      }
    }
    yield made
  }
}
