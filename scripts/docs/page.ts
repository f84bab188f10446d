/** Text inside a table cell: no line break, no bar. */
export const toCell = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')

/** A Markdown table. */
export const toTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(toCell).join(' | ')} |`).join('\n')

/** A generated page: says first where it comes from, so that nobody edits it by hand. */
export const toPage = (title: string, from: string, ...parts: readonly string[]): string =>
  [`# ${title}`, `<!-- Generated from ${from} by \`npm run generate\`. Do not edit. -->`, ...parts].join('\n\n') + '\n'

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Text of a field, or nothing. */
export const textOf = (record: Record<string, unknown>, name: string): string => {
  const value = record[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
