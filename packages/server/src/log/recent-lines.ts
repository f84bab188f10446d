/** Kept in memory, for a diagnostics archive. */
export const maxRecentLines = 500
export const maxRecentBytes = 256 * 1024

export interface RecentLines {
  add(line: string): void
  /** Oldest first. */
  list(): string[]
}

/** The last lines of the log, within two limits. */
export function createRecentLines(): RecentLines {
  let lines: string[] = []
  let bytes = 0
  let first = 0
  return {
    add(line) {
      lines.push(line)
      bytes += line.length
      while (bytes > maxRecentBytes || lines.length - first > maxRecentLines) {
        bytes -= lines[first]?.length ?? 0
        lines[first] = ''
        first += 1
      }
      // The space in front is given back once in a while, not for each line.
      if (first > maxRecentLines) {
        lines = lines.slice(first)
        first = 0
      }
    },
    list: () => lines.slice(first),
  }
}
