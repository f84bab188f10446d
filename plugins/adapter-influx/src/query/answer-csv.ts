import type { Explain, Result } from './answer-json.ts'
import type { Value } from './evaluate.ts'
import { type WriteTime, writeNanos } from './epoch.ts'

const field = (text: string): string => (/[",\r\n]|^\s/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
const cell = (value: Value): string => (value === null ? '' : field(String(value)))

export const csvError = (text: string): string => `error\n${field(text)}\n`

/** A table whose head is repeated where the columns change. */
export async function* toCsv(
  results: AsyncIterable<Result>,
  writeTime: WriteTime | undefined,
  explain: Explain,
): AsyncGenerator<string> {
  const timeOf = writeTime ?? writeNanos
  let before = ''
  for await (const { parts } of results) {
    try {
      for await (const part of parts) {
        const columns = part.columns.map(field).join(',')
        if (columns !== before) yield `${before === '' ? '' : '\n'}name,tags,${columns}\n`
        before = columns
        const tags = 'pages' in part ? (part.tags ?? []).map(([name, value]) => `${name}=${value}`).join(',') : ''
        const begin = `${field(part.name ?? '')},${field(tags)}`
        if ('rows' in part) yield part.rows.map((row) => `${begin},${row.map(cell).join(',')}\n`).join('')
        else
          for await (const page of part.pages)
            yield page.map(({ at, values }) => `${begin},${[timeOf(at), ...values.map(cell)].join(',')}\n`).join('')
      }
    } catch (error) {
      yield csvError(explain(error))
    }
  }
}
