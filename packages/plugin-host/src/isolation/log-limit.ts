import type { Log } from '@patchbay/sdk'

/** Lines of one instance within a second; what is beyond is counted. */
export const maxLinesPerSecond = 100

export type WriteLine = (level: keyof Log, message: string, fields: Record<string, unknown> | undefined) => void

/** Writes lines, as far as one plugin may fill the log. */
export function createLogLimit(write: WriteLine): WriteLine {
  let windowEndsMs = 0
  let lines = 0
  return (level, message, fields) => {
    const nowMs = performance.now()
    if (nowMs >= windowEndsMs) {
      if (lines > maxLinesPerSecond)
        write('warn', 'lines of the plugin were left out', { lines: lines - maxLinesPerSecond })
      windowEndsMs = nowMs + 1000
      lines = 0
    }
    lines += 1
    if (lines <= maxLinesPerSecond) write(level, message, fields)
  }
}
