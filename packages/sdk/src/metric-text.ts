/** A family of figures as Prometheus knows them. */
export interface MetricFamily {
  /** Begins with `patchbay_`. */
  name: string
  type: 'counter' | 'gauge'
  help: string
  rows: readonly { labels?: Readonly<Record<string, string>>; value: number }[]
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')

function toLine(name: string, { labels = {}, value }: MetricFamily['rows'][number]): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`
}

/** Prometheus' text of families, as far as `most` rows reach. */
export function toMetricText(families: readonly MetricFamily[], most = Number.POSITIVE_INFINITY): string {
  let left = most
  const lines: string[] = []
  for (const { name, help, type, rows } of families) {
    lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`)
    for (const row of rows.slice(0, left)) lines.push(toLine(name, row))
    left = Math.max(left - rows.length, 0)
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}
