export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

/** Milliseconds that the work takes, the median of some rounds. */
export async function medianMs(rounds: number, work: (round: number) => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    await work(round)
    taken.push(performance.now() - began)
  }
  return percentile(taken, 0.5)
}

/** Lines of a table in Markdown, padded so that they can be read as they are. */
export function toTable(rows: readonly (readonly [string, string])[]): string {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [head, ...rest] = rows
  const rule = line(widths.map((width) => '-'.repeat(width)))
  return [line(head ?? []), rule, ...rest.map(line)].join('\n')
}
