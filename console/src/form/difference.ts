export interface DiffLine {
  sign: '+' | '-' | ' '
  line: string
}
/** Equal lines that are shown around what differs. */
const around = 2
/** Longer texts are shown whole, old before new: the table below grows by the product of both. */
const maxLines = 1000

const compare = (old: readonly string[], fresh: readonly string[]): DiffLine[] => {
  if (Math.max(old.length, fresh.length) > maxLines)
    return [
      ...old.map((line) => ({ sign: '-' as const, line })),
      ...fresh.map((line) => ({ sign: '+' as const, line })),
    ]
  // How many lines the ends from (i, j) on have in common.
  const width = fresh.length + 1
  const common = new Uint16Array((old.length + 1) * width)
  const at = (i: number, j: number): number => common[i * width + j] ?? 0
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = fresh.length - 1; j >= 0; j--)
      common[i * width + j] = old[i] === fresh[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < old.length || j < fresh.length) {
    const [left, right] = [old[i], fresh[j]]
    if (left !== undefined && left === right) {
      lines.push({ sign: ' ', line: left })
      i++
      j++
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', line: left })
      i++
    } else if (right !== undefined) {
      lines.push({ sign: '+', line: right })
      j++
    }
  }
  return lines
}

/** What differs between what is stored and what would be, with the lines around it; nothing when nothing does. */
export const toDiff = (before: unknown, after: unknown): DiffLine[] => {
  const toLines = (value: unknown): string[] => (JSON.stringify(value, null, 2) ?? '').split('\n')
  const all = compare(toLines(before), toLines(after))
  const changes = all.flatMap(({ sign }, n) => (sign === ' ' ? [] : [n]))
  return all.filter((_line, n) => changes.some((change) => Math.abs(change - n) <= around))
}
